package Zmd::Error;

use strict;
use warnings;

use Zmd::FFI;

use overload '""' => sub { return $_[0]{message} }, bool => sub { return 1 }, fallback => 1;

# The class of a kind of error: ZMD_ERR_JOB_NOT_FOUND is Zmd::Error::JobNotFound, which is a Zmd::Error::Api, as the number tells.
sub _class {
    my ($number, $name) = @_;
    my $class  = join '', 'Zmd::Error::', map { ucfirst lc } split /_/, $name =~ s/^ZMD_ERR_//r;
    my $base   = $number >= 20 && $number < 30 ? 'Zmd::Error::Api' : $number >= 10 && $number < 15 ? 'Zmd::Error::Network' : __PACKAGE__;
    no strict 'refs';
    @{"${class}::ISA"} = $base if $class ne $base;
    return $class;
}

# Of the last call on this thread; about_event: of the event that it has returned. The other fields are those of the job.
sub _of {
    my ($class, $number, %fields) = @_;
    my $name = Zmd::FFI::error_name($number);
    my @text =
        delete $fields{about_event}
        ? (Zmd::FFI::last_error_of_job(0), Zmd::FFI::last_error_code_of_job(0))
        : (Zmd::FFI::last_error(), Zmd::FFI::last_error_code());
    my ($message, $code) = map { Zmd::FFI::text_of($_) } @text;
    return bless {
        http_status => 0, %fields, number => $number, name => $name, message => $message, code => $code,
    }, _class($number, $name);
}

# A job that has ended, and not all of its records are deleted.
sub _of_failed_job {
    my ($class, $status) = @_;
    my %job = map { $_ => $status->$_ } qw(module job_id http_status);
    return bless {
        %job, status => $status, number => 0, name => 'JOB_FAILED', code => '',
        message => "not all of the records are deleted: $job{module} $job{job_id}: $status",
    }, 'Zmd::Error::JobFailed';
}

# A token provider that died, or returned no token.
sub _of_provider {
    my ($class, $cause, $refused, %about) = @_;
    my ($number, $why) = (29, "$cause" =~ s/\s+\z//r);
    $why =~ s/\Q$refused\E/***/g if defined $refused;
    my $name = Zmd::FFI::error_name($number);
    return bless {
        http_status => 0, %about, cause => $cause, number => $number, name => $name, code => '',
        message => "the token provider returned no access token: $why",
    }, _class($number, $name);
}

sub _check {
    my ($class, $number) = @_;
    die $class->_of($number) if $number;
    return;
}

sub number      { return $_[0]{number} }
sub name        { return $_[0]{name} }
sub code        { return $_[0]{code} }
sub message     { return $_[0]{message} }
sub module      { return $_[0]{module} }
sub job_id      { return $_[0]{job_id} }
sub http_status { return $_[0]{http_status} }
sub status      { return $_[0]{status} }
sub cause       { return $_[0]{cause} }

# What the number does not say: a proxy that refused the credentials refuses them again.
sub is_transient {
    my ($self) = @_;
    return Zmd::FFI::error_is_transient($self->{number}) != 0 && $self->{http_status} != 407;
}

@Zmd::Error::JobFailed::ISA = @Zmd::Error::Network::ISA = @Zmd::Error::Api::ISA = __PACKAGE__;

1;

__END__

=head1 NAME

Zmd::Error - a call of Zmd that failed

=head1 SYNOPSIS

    my $status = eval { $client->wait('Leads', $job_id, timeout => 3600) };
    if (my $error = $@) {
        die $error unless ref $error && $error->isa('Zmd::Error');
        die "$error\n" unless $error->isa('Zmd::Error::Timeout');
    }

=head1 DESCRIPTION

As a string an error is one line that says what happened and what to do about it.

=head2 Classes

There is a class for each kind of error, named as in zmd.h: C<ZMD_ERR_JOB_NOT_FOUND> is C<Zmd::Error::JobNotFound>. Those of
the network are C<Zmd::Error::Network> too, those of the API C<Zmd::Error::Api>.

    InvalidArgument InvalidConfig Timeout Cancelled Stalled Internal
    Network: Dns Connect Tls Proxy
    Api: Unauthorized Scope Forbidden InvalidModule JobNotFound RateLimited Server BadResponse Oauth

C<Zmd::Error::JobFailed> is for a job that has ended and has left records, if C<< check => 1 >> asks for it.

=head1 METHODS

=over

=item message, name, number

The line; C<ZMD_ERR_JOB_NOT_FOUND>; 24.

=item code

The API's own code, such as C<NO_PERMISSION>; empty if there is none.

=item module, job_id

The job of the call; C<undef> if it concerns none.

=item http_status

That of the failed response; 0 if there was none.

=item status

After a time limit or an end on request the last L<Zmd::Status> of the job, if there was one; also of a job that failed.

=item cause

What a token provider died with; else C<undef>.

=item is_transient

Whether the same call may succeed later. A wait continues after such an error of a poll.

=back

=head1 SEE ALSO

L<Zmd>

=cut
