package Zmd;

use strict;
use warnings;

use Carp ();
use Scalar::Util qw(blessed refaddr);
use Zmd::Error;
use Zmd::FFI;
use Zmd::Waits;

our $VERSION = '0.1.0';

use constant {
    UNKNOWN => 0, SCHEDULED => 1, RUNNING => 2, COMPLETED => 3, FAILED => 4, QUEUED => 5, SUSPENDED => 6,
};

# What a progress callback returns to end its wait. Not just any false value: a sub returns that of its last statement, and
# after an `if` that may be the condition's.
use constant STOP => \'STOP';

sub version { return Zmd::FFI::version() }

sub new {
    my ($class, %settings) = @_;
    return $class->_make(sub { }, %settings);
}

sub from_env {
    my ($class, %settings) = @_;
    my @file = map { defined $settings{$_} ? Zmd::FFI::utf8_of($_ => $settings{$_}) : undef } qw(config_file profile);
    delete @settings{qw(config_file profile)};
    my $load = sub {
        my ($config) = @_;
        Zmd::Error->_check(Zmd::FFI::config_load_env($config));
        Zmd::Error->_check(Zmd::FFI::config_load_file($config, @file));
    };
    return $class->_make($load, %settings);
}

sub _make {
    my ($class, $load, %settings) = @_;
    my $self = bless { renewals => 0 }, $class;
    if (ref $settings{access_token} eq 'CODE') {
        $self->{provider}       = $settings{access_token};
        $settings{access_token} = $self->_provide;
    }
    Zmd::Error->_check(Zmd::FFI::config_new(\my $config));
    my $is_made = eval {
        $load->($config);
        for my $key (sort keys %settings) {
            my @setting = (Zmd::FFI::utf8_of('a key', $key), Zmd::FFI::utf8_of($key, $settings{$key}));
            Zmd::Error->_check(Zmd::FFI::config_set($config, @setting));
        }
        Zmd::Error->_check(Zmd::FFI::client_new($config, \$self->{client}));
        1;
    };
    my $failure = $@;
    Zmd::FFI::config_free($config);
    die $failure unless $is_made;
    return $self;
}

sub status {
    my ($self, $module, $job_id, %options) = @_;
    return _or_die($self->_run(add_status => [[$module, $job_id]], %options));
}

sub status_many {
    my ($self, $jobs, %options) = @_;
    return $self->_run(add_status => $jobs, %options);
}

sub wait {
    my ($self, $module, $job_id, %options) = @_;
    return _or_die($self->_run(add => [[$module, $job_id]], %options));
}

sub wait_many {
    my ($self, $jobs, %options) = @_;
    return $self->_run(add => $jobs, %options);
}

sub _or_die {
    my ($outcome) = @_;
    die $outcome if $outcome->isa('Zmd::Error');
    return $outcome;
}

# The outcome of each job, a Zmd::Status or a Zmd::Error.
sub _run {
    my ($self, $add, $jobs, %options) = @_;
    my ($check, $progress) = delete @options{qw(check progress)};
    my $waits = $self->_idle_waits;
    my (@outcomes, %index);
    for my $index (0 .. $#$jobs) {
        my $id = eval { $waits->$add(@{ $jobs->[$index] }, %options) };
        if (defined $id) { $index{$id} = $index }
        elsif (blessed $@ && $@->isa('Zmd::Error')) { $outcomes[$index] = $@ }
        else                                        { die $@ }
    }
    while (my $event = $waits->next) {
        my $index = $event->{index} = $index{ $event->id };
        $outcomes[$index] = $event->error // $event->status if $event->has_ended;
        # An error that ends the wait is an outcome, and nothing that the callback gets too.
        next if !$progress || $event->has_ended && $event->error;
        my $result = $progress->($event);
        if (ref $result && refaddr($result) == refaddr(STOP)) {
            undef $progress;
            $waits->remove($_) for keys %index;
        }
    }
    $self->{idle} = $waits;
    return map { $check && $_->isa('Zmd::Status') && !$_->is_successful ? Zmd::Error->_of_failed_job($_) : $_ } @outcomes;
}

# The queue of the last call, for the connections that it keeps open, unless another call uses it, was left by an exception, or
# was made before a fork.
sub _idle_waits {
    my ($self) = @_;
    my $idle = delete $self->{idle};
    return $idle && $idle->{process} == $$ ? $idle : $self->waits;
}

sub waits {
    my ($self) = @_;
    return Zmd::Waits->_new($self);
}

sub set_access_token {
    my ($self, $token) = @_;
    Zmd::Error->_check(Zmd::FFI::client_set_access_token($self->_handle, Zmd::FFI::utf8_of(access_token => $token)));
    $self->{token} = $token if $self->{provider};
    return;
}

sub credits {
    my ($self) = @_;
    my $credits = Zmd::FFI::client_credits($self->_handle);
    return $credits < 0 ? undef : $credits;
}

sub counters {
    my ($self) = @_;
    my $bytes = pack 'q9', (0) x 9;
    Zmd::Error->_check(Zmd::FFI::client_counters($self->_handle, Zmd::FFI::address($bytes), length $bytes));
    my %counters;
    @counters{qw(calls polls retries rate_limits token_requests connections bytes_sent bytes_received waited_ms)} = unpack 'q9', $bytes;
    return \%counters;
}

# Calls the provider. It replaces the token if there is one: then the service has refused it for the job of the arguments.
sub _provide {
    my ($self, %about) = @_;
    my ($refused, $token) = $self->{token};
    my $is_provided = eval {
        $token = Zmd::FFI::utf8_of('its result', scalar $self->{provider}->($refused));
        if (defined $refused) {
            die "its result is the one that the service has just refused\n" if $token eq $refused;
            $self->set_access_token($token);
            $self->{renewals}++;
        }
        1;
    };
    die Zmd::Error->_of_provider($@, $refused, %about) unless $is_provided;
    return $self->{token} = $token;
}

sub _handle {
    my ($self) = @_;
    return $self->{client} || Carp::croak('the client is closed');
}

sub close {
    my ($self) = @_;
    delete $self->{idle};
    Zmd::FFI::client_free(delete $self->{client});
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $!, $?);
    $self->close if ${^GLOBAL_PHASE} ne 'DESTRUCT';
    return;
}

# A handle belongs to one interpreter: the copies that new threads get are empty.
sub CLONE_SKIP { return 1 }

1;

__END__

=head1 NAME

Zmd - how far is a Zoho CRM mass-delete job?

=head1 SYNOPSIS

    use Zmd;

    my $client = Zmd->from_env;    # ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...
    my $status = $client->wait('Leads', '111111000000222222', timeout => 4 * 3600);
    print "$status\n";    # COMPLETED, 9 of 9 deleted, 0 failed
    die "not all of the records are deleted\n" unless $status->is_successful;

=head1 DESCRIPTION

Queries the status of mass-delete jobs of Zoho CRM, and waits for their end, through the shared library libzmd, which
L<FFI::Platypus> loads. It is found where the system's loader finds it; the environment variable C<ZMD_LIBRARY> names the file
itself.

A call that fails dies with a L<Zmd::Error>. A job that failed is a status, not an error. Handlers of signals run within 50 ms,
whatever a call waits for; a handler that dies ends it.

Pass a job id as a string: a number beyond 2**63 loses digits.

=head1 METHODS

=over

=item $client = Zmd->new(key => $value, ...)

A client with these settings only: the keys of C<zmd_config_set()> in zmd.h, such as C<data_center>, C<timeout_ms> and
C<log_file>. Keep it: it keeps connections open between calls.

C<access_token> may be a sub that returns a token, for example from a vault. It is called at once, and later, during a call, when
the service has refused the token, which is its argument then (else C<undef>). What it dies with is the C<cause> of a
C<Zmd::Error::Oauth>. While it runs, no time limit ends the call.

=item $client = Zmd->from_env(key => $value, ...)

The settings of the environment (C<ZMD_ACCESS_TOKEN>, ...) and of the configuration file, if there is one: C<config_file> names
another, C<profile> one of its profiles. The other arguments are settings, which take precedence.

=item $status = $client->status($module, $job_id, timeout => $seconds)

Gets the L<Zmd::Status> of a job once. The default limit is the setting C<timeout_ms>.

=item $status = $client->wait($module, $job_id, ...)

Waits until the job has ended. Options:

C<timeout>: the limit in seconds, 0: poll once; without one: none.

C<check>: if true, dies with a C<Zmd::Error::JobFailed> unless every record is deleted.

C<progress>: a sub, called with a L<Zmd::Event> after every poll but one whose error ends the wait. If it returns C<Zmd::STOP>, and
nothing else, the wait ends with C<Zmd::Error::Cancelled>. If it dies, the wait ends, and C<wait> dies with the same exception.

=item @outcomes = $client->status_many([[$module, $job_id], ...], timeout => $seconds)

=item @outcomes = $client->wait_many([[$module, $job_id], ...], ...)

The same for many jobs, with at most C<max_concurrency> requests in flight. Returns in the order of the jobs the L<Zmd::Status> or
the L<Zmd::Error> of each. C<Zmd::STOP> ends all waits.

=item $waits = $client->waits

A queue of waits: see L<Zmd::Waits>.

=item $client->set_access_token($token)

Replaces the access token: calls that start after this one use it.

=item $client->credits

How many API credits remained when the service last told, which it does once half of them are used; C<undef>: it has not.

=item $client->counters

A reference to a hash of what the client and its queues have done: C<calls>, C<polls>, C<retries>, C<rate_limits>,
C<token_requests>, C<connections>, C<bytes_sent>, C<bytes_received>, C<waited_ms>.

=item $client->close

Closes the connections. The end of the last reference does the same.

=item Zmd::version()

The version of libzmd.

=back

=head1 CONSTANTS

C<Zmd::UNKNOWN>, C<SCHEDULED>, C<RUNNING>, C<COMPLETED>, C<FAILED>, C<QUEUED>, C<SUSPENDED>: the states. C<Zmd::STOP>: see C<wait>.

=head1 THREADS AND FORK

A client belongs to the interpreter that made it: with C<threads>, make one in each thread. After C<fork>, parent and child can both
use theirs.

=head1 SEE ALSO

L<Zmd::Status>, L<Zmd::Event>, L<Zmd::Error>, L<Zmd::Waits>

=head1 LICENSE

MIT or Apache-2.0, as you like.

=cut
