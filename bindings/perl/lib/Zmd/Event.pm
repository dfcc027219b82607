package Zmd::Event;

use strict;
use warnings;

use overload '""' => sub { return '' . ($_[0]{error} // $_[0]{status}) }, bool => sub { return 1 }, fallback => 1;

sub id        { return $_[0]{id} }
sub index     { return $_[0]{index} }
sub module    { return $_[0]{module} }
sub job_id    { return $_[0]{job_id} }
sub status    { return $_[0]{status} }
sub error     { return $_[0]{error} }
sub has_ended { return $_[0]{has_ended} }
sub elapsed   { return $_[0]{elapsed} }
sub next_poll { return $_[0]{next_poll} }
sub remaining { return $_[0]{remaining} }

1;

__END__

=head1 NAME

Zmd::Event - a poll of a job that is waited for

=head1 SYNOPSIS

    $client->wait('Leads', $job_id, progress => sub {
        my ($event) = @_;
        printf "%s (%d s)\n", $event, $event->elapsed;
    });

=head1 DESCRIPTION

As a string an event is the line of its status or its error.

=head1 METHODS

=over

=item module, job_id

The job.

=item status, error

The L<Zmd::Status> of the poll, or the L<Zmd::Error> with which it failed; the other one is C<undef>.

=item has_ended

Whether the wait has ended, and this is its last event. After an error without an end the wait continues.

=item elapsed, next_poll, remaining

Seconds: since the wait began; until the job's next poll, C<undef> if the wait has ended; until the job ends, as far as its counts
show it, else C<undef>.

=item id

What C<< Zmd::Waits->add >> returned.

=item index

The place of the job in the list of a C<wait_many>; 0 in a C<wait>.

=back

=head1 SEE ALSO

L<Zmd>, L<Zmd::Waits>

=cut
