/*
 * A program of two translation units that include the binding, which is one in both. The environment is as for
 * binding_test.cpp.
 */
#include "two_units.hpp"

#include "../c/check.h"

int main()
{
    zmd::client client;

    check_environment();
    CHECK(status_of_the_other_unit(client).state == zmd::state::completed);
    CHECK(loggers_of_the_other_unit() == static_cast<const void *>(&zmd::detail::logger::list()));
    try {
        throw_in_the_other_unit();
        CHECK(false);
    } catch (const zmd::config_error &caught) {
        CHECK(caught.code() == ZMD_ERR_INVALID_CONFIG);
    }
    return passed("two_units");
}
