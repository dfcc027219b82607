package Zmd::Status;

use strict;
use warnings;

use Zmd::FFI;

use overload '""' => sub { return $_[0]{text} }, bool => sub { return 1 }, fallback => 1;

my $TEXT_SIZE = 256;

# Of a zmd_status; undef if the service has reported none.
sub _of {
    my ($class, $bytes, $module, $job_id) = @_;
    my %status = (module => $module, job_id => $job_id);
    @status{qw(state http_status total_count deleted_count failed_count state_text)} = unpack 'l l q q q Z32', $bytes;
    return if $status{state_text} eq '';
    $_ == -1 and $_ = undef for @status{qw(total_count deleted_count failed_count)};
    my $line   = "\0" x $TEXT_SIZE;
    my $status = Zmd::FFI::address($bytes);
    Zmd::FFI::status_text($status, Zmd::FFI::address($line), $TEXT_SIZE);
    $_ = Zmd::FFI::text_of($_) for $status{state_text};
    $status{text}          = Zmd::FFI::text_of(unpack 'Z*', $line);
    $status{is_successful} = Zmd::FFI::status_is_successful($status) != 0;
    $status{has_ended}     = Zmd::FFI::status_has_ended($status) != 0;
    return bless \%status, $class;
}

sub module        { return $_[0]{module} }
sub job_id        { return $_[0]{job_id} }
sub state         { return $_[0]{state} }
sub state_name    { return Zmd::FFI::state_name($_[0]{state}) }
sub state_text    { return $_[0]{state_text} }
sub http_status   { return $_[0]{http_status} }
sub total_count   { return $_[0]{total_count} }
sub deleted_count { return $_[0]{deleted_count} }
sub failed_count  { return $_[0]{failed_count} }
sub is_successful { return $_[0]{is_successful} }
sub has_ended     { return $_[0]{has_ended} }
sub text          { return $_[0]{text} }

1;

__END__

=head1 NAME

Zmd::Status - the status of a mass-delete job

=head1 SYNOPSIS

    print "$status\n";    # COMPLETED, 9 of 9 deleted, 0 failed
    die 'records are left' unless $status->is_successful;

=head1 METHODS

=over

=item module, job_id

The job, as it was passed, without white space around it.

=item is_successful

Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach the total.

=item has_ended

Whether the job has ended: COMPLETED or FAILED.

=item state, state_name, state_text

The state as a number, such as C<Zmd::COMPLETED>; its name; and the service's own word, which tells what a state is that this
version does not know (C<Zmd::UNKNOWN>).

=item total_count, deleted_count, failed_count

Records; C<undef> if the service did not report it.

=item http_status

The HTTP status of the response.

=item text

One line for people, which is also what the status is as a string. The wording may change in any version.

=back

=head1 SEE ALSO

L<Zmd>

=cut
