/*
 * What the two translation units of one program share.
 */
#ifndef ZMD_TESTS_TWO_UNITS_HPP
#define ZMD_TESTS_TWO_UNITS_HPP

#include "zmd.hpp"

void throw_in_the_other_unit();
const void *loggers_of_the_other_unit();
zmd::status status_of_the_other_unit(const zmd::client &client);

#endif
