/*
 * What the C++ tests share, on top of what the C tests do.
 */
#ifndef ZMD_TESTS_CHECK_HPP
#define ZMD_TESTS_CHECK_HPP

#include "../c/check.h"

#include "zmd.hpp"

#include <typeinfo>

/* The exception of exactly this class that a statement throws, copied. */
#define THROWN(Exception, ...) thrown<Exception>(__LINE__, [&] { __VA_ARGS__; })

template <class Exception, class Body>
Exception thrown(int line, const Body &body)
{
    try {
        body();
    } catch (const Exception &caught) {
        CHECK_MSG(typeid(caught) == typeid(Exception), "line %d throws a %s: %s", line, typeid(caught).name(),
                  caught.what());
        return caught;
    } catch (const std::exception &other) {
        CHECK_MSG(false, "line %d throws a %s: %s", line, typeid(other).name(), other.what());
    }
    CHECK_MSG(false, "line %d throws nothing", line);
    std::abort();
}

/* An exception of the library has these values, and a message. */
inline void check_error(const zmd::error &error, zmd_error code, int http_status, const std::string &api_code)
{
    CHECK_MSG(error.code() == code && error.http_status() == http_status && api_code == error.api_code(),
              "%s, HTTP %d, \"%s\": %s", zmd_error_name(error.code()), error.http_status(), error.api_code(),
              error.what());
    CHECK(error.what()[0] != '\0');
}

inline bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

/* The settings of the environment, with short pauses between polls. */
inline zmd::config settings()
{
    zmd::config made;
    made.load_env().set("poll_min_ms", 20).set("poll_max_ms", std::chrono::milliseconds(100));
    return made;
}

#endif
