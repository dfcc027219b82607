# The binding for Perl, against the stand-in that tests/packages/hosts.rs starts.
use strict;
use warnings;

use Test::More;

use Zmd;

sub failure(&) {
    my ($code) = @_;
    eval { $code->(); 1 } and return;
    return $@;
}

my $client = Zmd->from_env;

# The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
my @seen;
my $last = $client->wait('Leads', '1001', timeout => 60, progress => sub {
    my ($status, $error) = @_;
    push @seen, $error ? "$error" : $status->state_name . ' ' . ($status->deleted_count // '?');
    return 1;
});
is_deeply \@seen, ['QUEUED ?', 'RUNNING 4', 'COMPLETED 9'], 'progress';
is $last->state, Zmd::COMPLETED, 'a wait until the end';

my $status = $client->status('Leads', 1001);
is_deeply [map { $status->$_ } qw(state http_status total_count deleted_count failed_count state_text)],
    [Zmd::COMPLETED, 200, 9, 9, 0, 'COMPLETED'], 'a completed job';
is "$status", 'COMPLETED, 9 of 9 deleted, 0 failed', 'its text';
is $client->status('Leads', '1004')->state, Zmd::FAILED, 'a failed job is an answer';

my $error = failure { $client->status('Leads', 'error-NO_PERMISSION') };
isa_ok $error, 'Zmd::Error';
is_deeply [$error->number, $error->name, $error->code, $error->status->http_status],
    [Zmd::ERR_FORBIDDEN, 'ZMD_ERR_FORBIDDEN', 'NO_PERMISSION', 403], 'an error of the API';
like "$error", qr/permission denied/, 'its message';

$error = failure { $client->status('Sales Orders', '1001') };
is $error->number, Zmd::ERR_INVALID_ARGUMENT, 'an invalid argument';
like $error->message, qr/Sales_Orders/, 'what to write instead';
like failure { $client->status("Leads\0", '1001') }, qr/NUL/, 'a NUL';
like failure { $client->status('Leads') }, qr/job_id is undefined/, 'undef';

my $polls = 0;
$error = failure { $client->wait('Leads', '1002', progress => sub { ++$polls < 2 or Zmd::STOP }) };
is_deeply [$error->number, $polls, $error->status->state], [Zmd::ERR_CANCELLED, 2, Zmd::RUNNING], 'ended by progress';
is failure { $client->wait('Leads', '1002', progress => sub { die "mine\n" }) }, "mine\n", 'progress died';
is $client->status('Leads', '1001')->state, Zmd::COMPLETED, 'the client is usable after that';

$error = failure { $client->wait('Leads', '1002', timeout => 0.5) };
is_deeply [$error->number, $error->status->state], [Zmd::ERR_TIMEOUT, Zmd::RUNNING], 'a time-out';

$error = failure { Zmd->new(acces_token => 'x') };
is $error->number, Zmd::ERR_INVALID_CONFIG, 'an unknown setting';
like "$error", qr/acces_token/, 'its name';
$error = failure { Zmd->from_env(access_token => 'wrong')->status('Leads', '1001') };
is_deeply [$error->number, $error->code], [Zmd::ERR_UNAUTHORIZED, 'INVALID_TOKEN'], 'a setting takes precedence over the environment';
$client->set_access_token($ENV{ZMD_ACCESS_TOKEN});
is Zmd::version(), $Zmd::VERSION, 'the version';

# fork: parent and child can both use the client.
my $child = fork;
if (!$child) {
    my $fine = eval { $client->status('Leads', '1001')->state == Zmd::COMPLETED };
    require POSIX;
    POSIX::_exit($fine ? 0 : 1);
}
waitpid $child, 0;
is $?, 0, 'a child uses the client';
is $client->status('Leads', '1001')->state, Zmd::COMPLETED, 'so does its parent';

$client->close;
$client->close;
like failure { $client->status('Leads', '1001') }, qr/closed/, 'a closed client';

done_testing;
