package Zmd::Waits;

use strict;
use warnings;

use Carp ();
use Scalar::Util qw(weaken);
use Time::HiRes qw(time);
use Zmd::Error;
use Zmd::Event;
use Zmd::FFI;
use Zmd::Status;

# Perl runs the handlers of signals between two of its own operations: no call of the library blocks for longer than this.
my $SLICE_MS = 25;

my ($TIMEOUT, $UNAUTHORIZED) = (15, 20);

# See Zmd->waits.
sub _new {
    my ($class, $client) = @_;
    Zmd::Error->_check(Zmd::FFI::waits_new($client->_handle, \my $queue));
    my $self = bless { client => $client, queue => $queue, process => $$, open => {}, renamed => {} }, $class;
    weaken $self->{client};
    return $self;
}

sub add {
    my ($self, @arguments) = @_;
    return $self->_begin(\&Zmd::FFI::waits_add, @arguments);
}

sub add_status {
    my ($self, @arguments) = @_;
    return $self->_begin(\&Zmd::FFI::waits_add_status, @arguments);
}

sub _begin {
    my ($self, $call, $module, $job_id, %options) = @_;
    my $limit = Zmd::FFI::milliseconds(delete $options{timeout});
    Carp::croak("unknown option: $_") for sort keys %options;
    my %job = (module => $module, job_id => $job_id);
    my @names = map { Zmd::FFI::utf8_of($_ => $job{$_}) } qw(module job_id);
    @job{qw(module job_id)} = map { s/^\s+|\s+$//gr } $module, $job_id;
    my $wait = { call => $call, names => \@names, job => \%job, limit => $limit, before => 0 };
    $wait->{renewals} = $self->{client}{renewals} if $self->{client};
    return $wait->{id} = $self->_add($wait);
}

# Returns the library's id.
sub _add {
    my ($self, $wait) = @_;
    my $number = $wait->{call}->($self->_queue, @{ $wait->{names} }, $wait->{limit}, \my $id);
    die Zmd::Error->_of($number, %{ $wait->{job} }) if $number;
    $self->{open}{$id} = $wait;
    return $id;
}

sub remove {
    my ($self, $id) = @_;
    Zmd::Error->_check(Zmd::FFI::waits_remove($self->_queue, $self->{renamed}{$id} // $id));
    return;
}

sub open_count {
    my ($self) = @_;
    return scalar keys %{ $self->{open} };
}

sub handle {
    my ($self) = @_;
    return Zmd::FFI::waits_handle($self->_queue);
}

sub next {
    my ($self, %options) = @_;
    my $timeout = delete $options{timeout};
    Carp::croak("unknown option: $_") for sort keys %options;
    my $end = defined $timeout && time + $timeout;
    while ($self->open_count) {
        my $slice = $SLICE_MS;
        if (defined $timeout) {
            my $left = 1000 * ($end - time);
            $slice = $left < 0 ? 0 : $left if $left < $slice;
        }
        my $bytes  = "\0" x Zmd::FFI::EVENT_SIZE;
        my $number = Zmd::FFI::waits_next($self->_queue, $slice, Zmd::FFI::address($bytes));
        if ($number == $TIMEOUT) {
            return if defined $timeout && time >= $end;
            next;
        }
        Zmd::Error->_check($number);
        my $event = $self->_event($bytes);
        return $event if $event;
    }
    return;
}

# An event for the caller; none if its wait begins again with another access token.
sub _event {
    my ($self, $bytes) = @_;
    my ($at, $number, $has_ended, $elapsed, $next_poll, $raw) = unpack 'Q l l q q a*', $bytes;
    my $wait   = $self->{open}{$at};
    my %event  = (%{ $wait->{job} }, id => $wait->{id}, has_ended => $has_ended != 0);
    my $status = Zmd::Status->_of($raw, @event{qw(module job_id)});
    $event{elapsed}   = $wait->{before} + $elapsed / 1000;
    $event{next_poll} = Zmd::FFI::seconds($next_poll);
    $event{remaining} = Zmd::FFI::seconds(Zmd::FFI::progress_remaining_ms());
    if ($number) {
        my $http_status = $status ? 0 : unpack 'x4 l', $raw;
        $event{error} =
            Zmd::Error->_of($number, about_event => 1, %{ $wait->{job} }, http_status => $http_status, status => $status);
    }
    else {
        $event{status} = $status;
        delete $wait->{is_refused};
    }
    if ($has_ended) {
        delete $self->{open}{$at};
        my $begins_again = eval { $number == $UNAUTHORIZED && $self->_begins_again($wait, $event{elapsed}, $status) };
        return if $begins_again;
        if (ref $@ && $@->isa('Zmd::Error::Oauth')) { $event{error} = $@ }
        elsif (!defined $begins_again)              { die $@ }
    }
    return bless \%event, 'Zmd::Event';
}

# The library calls a token provider on a thread of its own, which Perl does not allow: here it is called when the library has
# ended a wait because the service refused the token.
sub _begins_again {
    my ($self, $wait, $elapsed, $status) = @_;
    my $client = $self->{client};
    return 0 unless $client && $client->{provider};
    # Another wait may have got a new one already.
    if ($wait->{renewals} == $client->{renewals}) {
        return 0 if $wait->{is_refused}++;
        $client->_provide(%{ $wait->{job} }, status => $status);
    }
    $wait->{renewals} = $client->{renewals};
    if ($wait->{limit} >= 0) {
        my $left = $wait->{limit} - int(1000 * ($elapsed - $wait->{before}));
        $wait->{limit} = $left > 1 ? $left : 1;
    }
    $wait->{before} = $elapsed;
    $self->{renamed}{ $wait->{id} } = $self->_add($wait);
    return 1;
}

sub _queue {
    my ($self) = @_;
    return $self->{queue} || Carp::croak('the queue is closed');
}

sub close {
    my ($self) = @_;
    Zmd::FFI::waits_free(delete $self->{queue});
    $self->{open} = {};
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

Zmd::Waits - many waits in one queue

=head1 SYNOPSIS

    my $waits = $client->waits;
    $waits->add('Leads', $_) for @job_ids;
    while (my $event = $waits->next) {
        print $event->job_id, ": $event\n" if $event->has_ended;
    }

=head1 DESCRIPTION

Waits can be added and removed at any time. The library has one thread for all of them, and up to C<max_concurrency> others
while it polls. A queue belongs to the process that created it.

=head1 METHODS

=over

=item $id = $waits->add($module, $job_id, timeout => $seconds)

Adds a wait for a job, and returns at once; C<timeout>: the limit for the wait, 0: poll once, without one: none. Dies with a
L<Zmd::Error> if the job's names are invalid.

=item $id = $waits->add_status($module, $job_id, timeout => $seconds)

Requests a job's status once. The default limit is the setting C<timeout_ms>.

=item $event = $waits->next(timeout => $seconds)

Returns the next L<Zmd::Event>, and blocks until there is one. Returns C<undef> if no wait is open, and when the time is over; 0:
it does not block. Handlers of signals run within 50 ms.

=item $waits->remove($id)

Ends a wait: its last event has the error C<Zmd::Error::Cancelled>.

=item $waits->open_count

How many waits have not had their last event.

=item $waits->handle

A descriptor that is readable while there are events, for event loops; on Windows the handle of an event object. Only wait for it:
then call C<< next(timeout => 0) >> until it returns C<undef>.

=item $waits->close

Ends all waits without an event. The end of the last reference does the same.

=back

=head1 SEE ALSO

L<Zmd>

=cut
