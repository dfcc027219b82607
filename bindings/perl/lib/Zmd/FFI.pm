package Zmd::FFI;

# The functions of libzmd that this distribution calls, under their names without "zmd_".

use strict;
use warnings;

use Carp ();
use FFI::Platypus 1.34;
use FFI::Platypus::Buffer qw(scalar_to_buffer);
use FFI::Platypus::DL qw(dlopen dlerror RTLD_PLATYPUS_DEFAULT);

use constant STATUS_SIZE => 64;
use constant EVENT_SIZE  => 96;

my $ffi  = FFI::Platypus->new(api => 1);
my $file = _found();
$ffi->lib($file);

my %functions = (
    version           => [[] => 'string'],
    error_name        => [['sint32'] => 'string'],
    error_is_transient => [['sint32'] => 'sint32'],
    state_name        => [['sint32'] => 'string'],
    last_error        => [[] => 'string'],
    last_error_code   => [[] => 'string'],
    last_error_of_job => [['size_t'] => 'string'],
    last_error_code_of_job => [['size_t'] => 'string'],
    status_is_successful => [['opaque'] => 'sint32'],
    status_has_ended  => [['opaque'] => 'sint32'],
    status_text       => [['opaque', 'opaque', 'size_t'] => 'size_t'],
    config_new        => [['opaque*'] => 'sint32'],
    config_set        => [['opaque', 'string', 'string'] => 'sint32'],
    config_load_env   => [['opaque'] => 'sint32'],
    config_load_file  => [['opaque', 'string', 'string'] => 'sint32'],
    config_free       => [['opaque'] => 'void'],
    client_new        => [['opaque', 'opaque*'] => 'sint32'],
    client_set_access_token => [['opaque', 'string'] => 'sint32'],
    client_credits    => [['opaque'] => 'sint64'],
    client_counters   => [['opaque', 'opaque', 'size_t'] => 'sint32'],
    client_free       => [['opaque'] => 'void'],
    waits_new         => [['opaque', 'opaque*'] => 'sint32'],
    waits_add         => [['opaque', 'string', 'string', 'sint64', 'uint64*'] => 'sint32'],
    waits_add_status  => [['opaque', 'string', 'string', 'sint64', 'uint64*'] => 'sint32'],
    waits_remove      => [['opaque', 'uint64'] => 'sint32'],
    waits_next        => [['opaque', 'sint64', 'opaque'] => 'sint32'],
    waits_handle      => [['opaque'] => 'ssize_t'],
    waits_free        => [['opaque'] => 'void'],
    progress_remaining_ms => [[] => 'sint64'],
);
eval { $ffi->attach(["zmd_$_" => $_], @{ $functions{$_} }) for sort keys %functions; 1 }
    or Carp::croak("$file is no libzmd, or one that is too old for Zmd: $@");

sub _found {
    my $file = $ENV{ZMD_LIBRARY}
        || ($^O eq 'darwin' ? 'libzmd.dylib' : $^O =~ /MSWin32|cygwin/ ? 'zmd.dll' : 'libzmd.so.0');
    return $file if dlopen($file, RTLD_PLATYPUS_DEFAULT);
    my $named = $ENV{ZMD_LIBRARY} ? 'which ZMD_LIBRARY names' : 'ZMD_LIBRARY, which could name another file, is not set';
    Carp::croak("cannot load libzmd from $file ($named): ", dlerror());
}

# A character string as the library takes it: UTF-8, and without a NUL, which would cut it.
sub utf8_of {
    my ($name, $value) = @_;
    Carp::croak("$name is undefined") unless defined $value;
    $value = "$value";
    Carp::croak("$name has a NUL in it") if $value =~ /\0/;
    utf8::encode($value);
    return $value;
}

sub text_of {
    my ($bytes) = @_;
    utf8::decode($bytes);
    return $bytes;
}

sub milliseconds {
    my ($seconds) = @_;
    return !defined $seconds || $seconds == 9**9**9 ? -1 : $seconds <= 0 ? 0 : int($seconds * 1000);
}

# undef for -1.
sub seconds {
    my ($milliseconds) = @_;
    return $milliseconds < 0 ? undef : $milliseconds / 1000;
}

sub address {
    return (scalar_to_buffer($_[0]))[0];
}

1;
