package Zmd;

use strict;
use warnings;

use Carp ();
use FFI::Platypus 1.00;
use FFI::Platypus::Buffer qw(buffer_to_scalar scalar_to_buffer);
use Scalar::Util qw(refaddr);

our $VERSION = '0.1.0';

use constant {
    UNKNOWN => 0, SCHEDULED => 1, RUNNING => 2, COMPLETED => 3, FAILED => 4, QUEUED => 5, SUSPENDED => 6,
};
use constant {
    ERR_INVALID_ARGUMENT => 2,  ERR_INVALID_CONFIG => 3,  ERR_DNS           => 10, ERR_CONNECT     => 11,
    ERR_TLS              => 12, ERR_PROXY          => 13, ERR_NETWORK       => 14, ERR_TIMEOUT     => 15,
    ERR_CANCELLED        => 16, ERR_UNAUTHORIZED   => 20, ERR_SCOPE         => 21, ERR_FORBIDDEN   => 22,
    ERR_INVALID_MODULE   => 23, ERR_JOB_NOT_FOUND  => 24, ERR_RATE_LIMITED  => 25, ERR_SERVER      => 26,
    ERR_API              => 27, ERR_BAD_RESPONSE   => 28, ERR_OAUTH         => 29, ERR_INTERNAL    => 99,
};

# What a progress callback returns to end its wait. Not just any false value: a sub returns that of its last statement, and
# after an `if` that may be the condition's.
use constant STOP => \'STOP';

my $ffi = FFI::Platypus->new(api => 1);
if ($ENV{ZMD_LIBRARY}) {
    $ffi->lib($ENV{ZMD_LIBRARY});
}
else {
    require FFI::CheckLib;
    my $library = FFI::CheckLib::find_lib(lib => 'zmd')
        or Carp::croak('libzmd is not installed: set LD_LIBRARY_PATH to its directory or ZMD_LIBRARY to the file');
    $ffi->lib($library);
}

# A zmd_status is 64 bytes without padding; it is unpacked by hand.
my $STATUS_SIZE = 64;
my $TEXT_SIZE = 256;

$ffi->type('(opaque, size_t, sint32, opaque)->sint32' => 'progress');
$ffi->attach([zmd_version         => 'version'],     []         => 'string');
$ffi->attach([zmd_error_name      => 'error_name'],  ['sint32'] => 'string');
$ffi->attach([zmd_error_is_transient => '_is_transient'], ['sint32'] => 'sint32');
$ffi->attach([zmd_state_name      => 'state_name'],  ['sint32'] => 'string');
$ffi->attach([zmd_last_error      => '_last_error'], []         => 'string');
$ffi->attach([zmd_last_error_code => '_last_code'],  []         => 'string');
$ffi->attach([zmd_config_new      => '_config_new'], ['opaque*']                    => 'sint32');
$ffi->attach([zmd_config_set      => '_config_set'], ['opaque', 'string', 'string'] => 'sint32');
$ffi->attach([zmd_config_load_env => '_config_env'], ['opaque']                     => 'sint32');
$ffi->attach([zmd_config_load_file => '_config_file'], ['opaque', 'string', 'string'] => 'sint32');
$ffi->attach([zmd_config_free     => '_config_free'], ['opaque']                    => 'void');
$ffi->attach([zmd_client_new      => '_new'],        ['opaque', 'opaque*']          => 'sint32');
$ffi->attach([zmd_client_free     => '_free'],       ['opaque']                     => 'void');
$ffi->attach([zmd_client_set_access_token => '_token'], ['opaque', 'string']        => 'sint32');
$ffi->attach([zmd_client_status   => '_status'], ['opaque', 'string', 'string', 'opaque'] => 'sint32');
$ffi->attach([zmd_client_wait     => '_wait'],
    ['opaque', 'string', 'string', 'sint64', 'progress', 'opaque', 'opaque'] => 'sint32');

$ffi->attach([zmd_status_is_successful => '_is_successful'], ['opaque'] => 'sint32');
$ffi->attach([zmd_status_has_ended => '_has_ended'], ['opaque'] => 'sint32');
$ffi->attach([zmd_status_text     => '_status_text'], ['opaque', 'opaque', 'size_t'] => 'size_t');

# A character string as the library takes it: UTF-8, and without a NUL, which would cut it.
sub _utf8 {
    my ($name, $value) = @_;
    Carp::croak("$name is undefined") unless defined $value;
    $value = "$value";
    Carp::croak("$name has a NUL in it") if $value =~ /\0/;
    utf8::encode($value);
    return $value;
}

sub _text {
    my ($bytes) = @_;
    utf8::decode($bytes);
    return $bytes;
}

sub _unpack {
    my ($bytes) = @_;
    my %status;
    @status{qw(state http_status total_count deleted_count failed_count state_text)} = unpack 'l l q q q Z32', $bytes;
    $_ == -1 and $_ = undef for @status{qw(total_count deleted_count failed_count)};
    $status{state_text} = _text($status{state_text});
    my $line = "\0" x $TEXT_SIZE;
    my ($status, $text) = map { (scalar_to_buffer($_))[0] } $bytes, $line;
    _status_text($status, $text, $TEXT_SIZE);
    @status{qw(is_successful has_ended text)} =
        (_is_successful($status) != 0, _has_ended($status) != 0, _text(unpack 'Z*', $line));
    return bless \%status, 'Zmd::Status';
}

sub _error {
    my ($number, $status) = @_;
    return bless {
        number => $number, name => error_name($number), code => _text(_last_code()), message => _text(_last_error()),
        status => $status, is_transient => _is_transient($number) != 0,
    }, 'Zmd::Error';
}

sub _check {
    my ($number, $status) = @_;
    die _error($number, $status) if $number;
    return;
}

# Zmd->new(access_token => ..., data_center => 'eu'): these settings only.
sub new {
    my ($class, %settings) = @_;
    return $class->_make(0, \%settings);
}

# Zmd->from_env(timeout_ms => 10_000): the ZMD_ variables, and the configuration file, if there is one; arguments take
# precedence.
sub from_env {
    my ($class, %settings) = @_;
    return $class->_make(1, \%settings);
}

sub _make {
    my ($class, $environment, $settings) = @_;
    my ($config, $client);
    _check(_config_new(\$config));
    my $made = eval {
        if ($environment) {
            _check(_config_env($config));
            _check(_config_file($config, undef, undef));
        }
        _check(_config_set($config, _utf8('a key', $_), _utf8($_, $settings->{$_}))) for sort keys %$settings;
        _check(_new($config, \$client));
        1;
    };
    my $failure = $@;
    _config_free($config);
    die $failure unless $made;
    return bless { client => $client }, $class;
}

sub _handle {
    my ($self) = @_;
    return $self->{client} || Carp::croak('the client is closed');
}

# The Zmd::Status of a job. Dies with a Zmd::Error.
sub status {
    my ($self, $module, $job_id) = @_;
    my $bytes = "\0" x $STATUS_SIZE;
    my ($pointer) = scalar_to_buffer($bytes);
    my $error = _status($self->_handle, _utf8('module', $module), _utf8('job_id', $job_id), $pointer);
    my $status = _unpack($bytes);
    _check($error, $status);
    return $status;
}

# Waits until the job has ended. Options: timeout (seconds; none: no limit), progress (called after every poll with
# the Zmd::Status and, after a failed poll, the Zmd::Error; returns Zmd::STOP to end the wait, anything else to continue).
sub wait {
    my ($self, $module, $job_id, %options) = @_;
    my ($timeout, $progress) = delete @options{qw(timeout progress)};
    Carp::croak("unknown option: $_") for sort keys %options;
    my $limit = defined $timeout ? int($timeout * 1000) : -1;
    my ($died, $closure);
    if ($progress) {
        # No exception may pass through the library: the exception is kept until the call has returned.
        $closure = $ffi->closure(sub {
            my (undef, undef, $number, $pointer) = @_;
            my $goes_on = eval {
                my $status = _unpack(buffer_to_scalar($pointer, $STATUS_SIZE));
                my $result = $progress->($status, $number ? _error($number, $status) : undef);
                ref $result && refaddr($result) == refaddr(STOP) ? 0 : 1;
            };
            $died = [$@] unless defined $goes_on;
            return $goes_on ? 0 : 1;
        });
    }
    my $bytes = "\0" x $STATUS_SIZE;
    my ($pointer) = scalar_to_buffer($bytes);
    my $error = _wait($self->_handle, _utf8('module', $module), _utf8('job_id', $job_id), $limit, $closure, undef, $pointer);
    die $died->[0] if $died;
    my $status = _unpack($bytes);
    _check($error, $status);
    return $status;
}

# Replaces the access token: calls that start after this one use it.
sub set_access_token {
    my ($self, $token) = @_;
    _check(_token($self->_handle, _utf8('access_token', $token)));
    return;
}

# Closes the connections; also called when the last reference is dropped.
sub close {
    my ($self) = @_;
    my $client = delete $self->{client};
    _free($client) if $client;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $!, $?);
    $self->close if defined ${^GLOBAL_PHASE} && ${^GLOBAL_PHASE} ne 'DESTRUCT';
    return;
}

# A handle belongs to one interpreter: the copies that new threads get are empty.
sub CLONE_SKIP { return 1 }

package Zmd::Status;

use overload '""' => sub { return $_[0]{text} }, bool => sub { return 1 }, fallback => 1;

sub state         { return $_[0]{state} }
sub state_name    { return Zmd::state_name($_[0]{state}) }
sub state_text    { return $_[0]{state_text} }
sub http_status   { return $_[0]{http_status} }
sub total_count   { return $_[0]{total_count} }      # undef: not reported
sub deleted_count { return $_[0]{deleted_count} }
sub failed_count  { return $_[0]{failed_count} }
sub is_successful { return $_[0]{is_successful} }    # COMPLETED, no record failed, the deleted ones reach the total
sub has_ended     { return $_[0]{has_ended} }        # COMPLETED or FAILED
sub text          { return $_[0]{text} }             # COMPLETED, 9 of 9 deleted, 0 failed; the wording may change

package Zmd::Error;

use overload '""' => sub { return $_[0]{message} }, bool => sub { return 1 }, fallback => 1;

sub number  { return $_[0]{number} }     # 24
sub name    { return $_[0]{name} }       # ZMD_ERR_JOB_NOT_FOUND
sub code    { return $_[0]{code} }       # the API's own code, or ''
sub message { return $_[0]{message} }    # what happened and what to do, in one line
sub status  { return $_[0]{status} }     # of a status or a wait: the last Zmd::Status
sub is_transient { return $_[0]{is_transient} }    # the same call may succeed later; a wait continues

1;
