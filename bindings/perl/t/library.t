# The library can be loaded, which the other test can't tell where there is no stand-in for the service.
use strict;
use warnings;

use Test::More tests => 1;

use Zmd;

is Zmd::version(), $Zmd::VERSION, 'libzmd is of the version of this distribution';
