# Against the stand-in that tests/packages/hosts.rs of the repository starts, and says so: elsewhere the settings may be those of
# the real service.
use strict;
use warnings;

use File::Temp;
use Test::More;
use Time::HiRes qw(time ualarm);

use Zmd;

plan skip_all => 'there is no stand-in for the service' unless $ENV{ZMD_STAND_IN};

sub failure(&) {
    my ($code) = @_;
    eval { $code->(); 1 } and return;
    return $@;
}

sub completed {
    return $_[0]->status('Leads', '1001')->state == Zmd::COMPLETED;
}

my $client = Zmd->from_env;

# The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
my @seen;
my $last = $client->wait('Leads', '1001', timeout => 60, check => 1, progress => sub { push @seen, $_[0]; 0 });
is_deeply [map {"$_"} @seen],
    ['QUEUED, the service reported no counts', 'RUNNING, 4 of 9 deleted, 0 failed', 'COMPLETED, 9 of 9 deleted, 0 failed'],
    'progress';
is_deeply [map { [$_->module, $_->job_id, $_->index, defined $_->next_poll, $_->has_ended] } @seen],
    [map { ['Leads', '1001', 0, $_, !$_] } 1, 1, ''], 'what it says of the wait';
is $seen[0]->status->deleted_count, undef, 'a count that was not reported';
cmp_ok $seen[0]->elapsed, '<=', $seen[2]->elapsed, 'the time of a wait';
is $last->state, Zmd::COMPLETED, 'a wait until the end';

my $status = $client->status(' Leads ', 1001);
is_deeply [map { $status->$_ } qw(module job_id state state_name http_status total_count deleted_count failed_count state_text)],
    ['Leads', 1001, Zmd::COMPLETED, 'COMPLETED', 200, 9, 9, 0, 'COMPLETED'], 'a completed job';
is "$status", 'COMPLETED, 9 of 9 deleted, 0 failed', 'its text';
is $client->status('Leads', '1004')->state, Zmd::FAILED, 'a failed job is an answer';

my $error = failure { $client->status('Leads', 'error-NO_PERMISSION') };
isa_ok $error, $_ for qw(Zmd::Error Zmd::Error::Api Zmd::Error::Forbidden);
is_deeply [map { $error->$_ } qw(number name code http_status module job_id status is_transient)],
    [22, 'ZMD_ERR_FORBIDDEN', 'NO_PERMISSION', 403, 'Leads', 'error-NO_PERMISSION', undef, ''], 'an error of the API';
like "$error", qr/permission denied/, 'its message';

$error = failure { $client->status('Sales Orders', '1001') };
isa_ok $error, 'Zmd::Error::InvalidArgument';
like $error->message, qr/Sales_Orders/, 'what to write instead';
is $error->module, 'Sales Orders', 'the job of a refused call';
like failure { $client->status("Leads\0", '1001') }, qr/NUL/, 'a NUL';
like failure { $client->status('Leads') }, qr/job_id is undefined/, 'undef';
like failure { $client->wait('Leads', '1001', timeuot => 1) }, qr/unknown option: timeuot/, 'an option that there is not';

my $polls = 0;
$error = failure { $client->wait('Leads', '1002', progress => sub { ++$polls < 2 or Zmd::STOP }) };
isa_ok $error, 'Zmd::Error::Cancelled';
is_deeply [$polls, $error->status->state], [2, Zmd::RUNNING], 'ended by progress';
is failure { $client->wait('Leads', '1002', progress => sub { die "mine\n" }) }, "mine\n", 'progress died';
ok completed($client), 'the client is usable after that';

$error = failure { $client->wait('Leads', '1003', check => 1) };
isa_ok $error, 'Zmd::Error::JobFailed';
is_deeply [$error->status->failed_count, $error->job_id, $error->is_transient], [2, '1003', ''], 'what was left';

$polls = 0;
$error = failure { $client->wait('Leads', 'error-NO_PERMISSION', progress => sub { ++$polls }) };
is_deeply [ref $error, $polls], ['Zmd::Error::Forbidden', 0], 'a permanent error is thrown, and no progress';
like failure { $client->wait('Leads', '1002', timeout => 0.5) }, qr/within 500 ms/, 'a limit';
$error = failure { $client->wait('Leads', '1002', timeout => 0) };
is_deeply [ref $error, $error->status->state, $error->is_transient], ['Zmd::Error::Timeout', Zmd::RUNNING, 1], 'a time-out';

my $remaining;
failure { $client->wait('Leads', '1005', progress => sub { defined($remaining = $_[0]->remaining) ? Zmd::STOP : 1 }) };
cmp_ok $remaining, '>', 10, 'a forecast of the end';

# Many jobs.
my @jobs = map { ['Leads', $_] } 1001, 1003, 4711, 'no id';
my %indices;
my @outcomes = $client->wait_many(\@jobs, check => 1, progress => sub { $indices{ $_[0]->index }++ });
is_deeply [map {ref} @outcomes],
    ['Zmd::Status', map {"Zmd::Error::$_"} qw(JobFailed JobNotFound InvalidArgument)], 'the outcome of each';
is_deeply [map { $_->job_id } @outcomes], [1001, 1003, 4711, 'no id'], 'in the order of the jobs';
is_deeply [sort keys %indices], [0, 1], 'the progress of each';
is_deeply [map {ref} $client->status_many([@jobs[0, 2]])], ['Zmd::Status', 'Zmd::Error::JobNotFound'], 'a status of each';
my $calls = 0;
@outcomes = $client->wait_many([map { ['Leads', '1002'] } 1 .. 3], progress => sub { $calls++; Zmd::STOP });
is_deeply [$calls, map {ref} @outcomes], [1, ('Zmd::Error::Cancelled') x 3], 'STOP ends all waits';

# A queue of waits.
my $waits = $client->waits;
my ($running, $ended) = map { $waits->add('Leads', $_) } 1002, 1001;
cmp_ok $waits->handle, '>', 2, 'a handle for event loops';
my %ends;
while (my $event = $waits->next) {
    $waits->remove($running) if $event->id == $ended;
    $ends{ $event->id } = ref($event->error // $event->status) if $event->has_ended;
}
is_deeply \%ends, { $running => 'Zmd::Error::Cancelled', $ended => 'Zmd::Status' }, 'each wait has ended';
$waits->add('Leads', '1002');
1 while $waits->next(timeout => 0.2);
is $waits->open_count, 1, 'a time limit for an event';
$waits->close;

# The handler of a signal runs while a wait has nothing to do for ten minutes, or is far from its answer.
for my $call (sub { shift->wait('Leads', '1002', progress => sub { ualarm 50_000 }) }, sub {
    ualarm 50_000;
    shift->status('Leads', 'fault-stall-before-header');
}) {
    local $SIG{ALRM} = sub { die "a signal\n" };
    my $begin = time;
    my $other = Zmd->from_env(poll_min_ms => 600_000, timeout_ms => 600_000);
    is failure { $call->($other) }, "a signal\n", 'a handler that dies ends a call';
    cmp_ok time - $begin, '<', 300, 'soon';
    ok completed($other), 'the client is usable after that, too';
}

$error = failure { Zmd->new(acces_token => 'x') };
isa_ok $error, 'Zmd::Error::InvalidConfig';
like "$error", qr/did you mean access_token/, 'the name that was meant';
isa_ok failure { Zmd->from_env(profile => 'no such profile') }, 'Zmd::Error::InvalidConfig';
$error = failure { Zmd->from_env(access_token => 'wrong')->status('Leads', '1001') };
is_deeply [ref $error, $error->code], ['Zmd::Error::Unauthorized', 'INVALID_TOKEN'], 'a setting takes precedence over the environment';
$client->set_access_token($ENV{ZMD_ACCESS_TOKEN});
my $counters = $client->counters;
cmp_ok $counters->{calls}, '>', $counters->{polls}, 'what a client has done';
cmp_ok $counters->{bytes_received}, '>', 1000, 'bytes';
is $client->credits, undef, 'credits of which the service has told nothing';
is Zmd::version(), $Zmd::VERSION, 'the version';

# A token provider.
my @asked;
my @tokens = ('stale', $ENV{ZMD_ACCESS_TOKEN});
my $provided = Zmd->from_env(access_token => sub { push @asked, $_[0]; return shift @tokens });
ok completed($provided), 'a token of the provider';
is_deeply \@asked, [undef, 'stale'], 'it is told the token that was refused';
$provided = Zmd->from_env(access_token => sub {'stale'});
$error = failure { $provided->status('Leads', '1001') };
isa_ok $error, 'Zmd::Error::Oauth', 'a provider that has only the token that was refused';
like "$error", qr/has just refused/, 'its message';
my $renewals = 0;
$provided = Zmd->from_env(access_token => sub { 'stale' . $renewals++ });
isa_ok failure { $provided->status('Leads', '1001') }, 'Zmd::Error::Unauthorized', 'a provider whose tokens are refused';
is $renewals, 2, 'it is asked once more';

# What it dies with is the cause of the error, of that job alone.
my $is_locked;
my $locked = sub { $is_locked ? die { locked => $_[0] } : 'stale' };
$provided = Zmd->from_env(access_token => $locked);
$is_locked = 1;
for my $call (
    sub { $provided->status('Leads', '1001') }, sub { $provided->wait('Leads', '1001') },
    sub { die(($provided->wait_many([map { ['Leads', $_] } '1003', '1001']))[1]) },
    sub {
        my $queue = $provided->waits;
        $queue->add('Leads', '1001');
        die $queue->next->error;
    },
) {
    $error = failure { $call->() };
    isa_ok $error, 'Zmd::Error::Oauth', 'the error of a provider that dies';
    is_deeply [map { $error->$_ } qw(number name job_id cause)], [29, 'ZMD_ERR_OAUTH', '1001', { locked => 'stale' }], 'its cause';
}
$provided->set_access_token($ENV{ZMD_ACCESS_TOKEN});
ok completed($provided), 'another token';
$error = failure { Zmd->from_env(access_token => sub { die "locked\n" }) };
is_deeply [ref $error, $error->cause, $error->job_id], ['Zmd::Error::Oauth', "locked\n", undef], 'a provider that dies at once';
like failure { Zmd->from_env(access_token => sub { undef }) }, qr/no access token: its result is undefined/, 'one that returns nothing';
$provided = Zmd->from_env(access_token => sub { defined $_[0] ? die "$_[0] is locked\n" : 'stale' });
is failure { $provided->status('Leads', '1001') }, 'the token provider returned no access token: *** is locked', 'a token is in no message';
$renewals = 0;
$provided = Zmd->from_env(access_token => sub { $renewals++ ? $ENV{ZMD_ACCESS_TOKEN} : 'stale' });
is_deeply [map {ref} $provided->wait_many([map { ['Leads', '1001'] } 1 .. 5])], [('Zmd::Status') x 5], 'many jobs';
is $renewals, 2, 'one renewal for all of them';

# The log.
my $log    = File::Temp->new;
my $logged = Zmd->from_env(log_file => $log->filename, log_level => 'debug');
$logged->wait('Leads', '1001');
$logged->close;
my $lines = do { local $/; <$log> };
like $lines, qr/job 1001 of Leads/, 'the log says what a client does';
unlike $lines, qr/\Q$ENV{ZMD_ACCESS_TOKEN}/, 'and has no token';

# fork: parent and child can both use the client.
my $child = fork;
if (!$child) {
    my $is_fine = eval { completed($client) };
    require POSIX;
    POSIX::_exit($is_fine ? 0 : 1);
}
waitpid $child, 0;
is $?, 0, 'a child uses the client';
ok completed($client), 'so does its parent';

$client->close;
$client->close;
like failure { $client->status('Leads', '1001') }, qr/closed/, 'a closed client';

# The library's file.
my $perl = "$^X " . join ' ', map {"-I$_"} @INC;
like qx(ZMD_LIBRARY=/nowhere/libzmd.so $perl -MZmd -e 1 2>&1), qr{/nowhere/libzmd.so \(which ZMD_LIBRARY names\)}, 'a file that is not there';
like qx(ZMD_LIBRARY=libc.so.6 $perl -MZmd -e 1 2>&1), qr/libc.so.6 is no libzmd/, 'a file that is not the library';
# Silent where it is installed.
like qx(LD_LIBRARY_PATH= $perl -MZmd -e 1 2>&1), qr/^$|libzmd.so.0 \(ZMD_LIBRARY, .* is not set\)/, 'no file named';

done_testing;
