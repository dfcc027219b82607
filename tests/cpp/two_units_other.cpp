/*
 * The other translation unit of two_units.cpp.
 */
#include "two_units.hpp"

void throw_in_the_other_unit() { zmd::config().set("no_such_key", 1); }

const void *loggers_of_the_other_unit() { return &zmd::detail::logger::list(); }

zmd::status status_of_the_other_unit(const zmd::client &client)
{
    return client.wait("Leads", "1001", zmd::no_timeout, [](const zmd::poll &) { return true; });
}
