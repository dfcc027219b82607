/**
 * @file
 * libzmd for C++11 and later: how far is a Zoho CRM mass-delete job?
 *
 * @code
 * try {
 *     zmd::client client;  // with the settings of the environment: ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...
 *     zmd::status status = client.wait("Leads", "1234567890", std::chrono::hours(4));
 *     std::cout << status << '\n';         // Leads 1234567890: COMPLETED, 9 of 9 deleted, 0 failed
 *     if (!status.is_successful()) ...     // records are left
 * } catch (const zmd::error &failure) {
 *     std::cerr << failure.what() << '\n';
 * }
 * @endcode
 *
 * This header is the whole binding, on top of zmd.h, which documents the rules; link with `-lzmd`.
 *
 * Failures throw a zmd::error. Arguments that are text are a zmd::text: a `const char *`, a `std::string`, and since
 * C++17 a `std::string_view`, in UTF-8. Text with an embedded NUL character, which C would truncate, is refused with an
 * argument_error or, in a setting, a config_error; so is a NULL pointer.
 *
 * Any number of threads may call all functions of a zmd::client at the same time; only while it is moved, assigned or
 * destroyed, no other thread may use it. Only one thread at a time may use a zmd::config.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef ZMD_HPP
#define ZMD_HPP

#if !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && !defined(_CPPUNWIND)
#error "zmd.hpp reports errors by exceptions, which are turned off: a program without them uses zmd.h"
#else

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <iosfwd>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <zmd.h>

/** @cond */
#if __cplusplus >= 201703L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#define ZMD_HAS_STRING_VIEW 1
#include <string_view>
#endif
/** @endcond */

/** libzmd for C++. */
namespace zmd {

/** @cond */
namespace detail {

inline std::string copy_of(const std::string &value) { return value; }
#ifdef ZMD_HAS_STRING_VIEW
inline std::string copy_of(std::string_view value) { return std::string(value); }
#endif

} // namespace detail
/** @endcond */

/**
 * A text argument: a program passes a string of any type.
 *
 * It may refer to the string that it was constructed from, and must not outlive it.
 */
class text {
public:
    /**
     * From a C string.
     *
     * @param value  UTF-8; NULL is refused by the function that it is passed to
     */
    text(const char *value) noexcept : data_(value), size_(value == nullptr ? 0 : std::strlen(value)) {}

    /**
     * From a standard string, which is not copied.
     *
     * @param value  UTF-8
     */
    text(const std::string &value) noexcept : data_(value.c_str()), size_(value.size()) {}

    /**
     * From anything that converts to a `std::string`, such as a `std::filesystem::path`, or to a `std::string_view`. The
     * characters are copied, as C needs a terminating NUL.
     *
     * @param value  UTF-8
     */
    template <class String, class = decltype(detail::copy_of(std::declval<const String &>())),
              class = typename std::enable_if<!std::is_same<String, std::string>::value &&
                                              !std::is_convertible<const String &, const char *>::value>::type>
    text(const String &value) : copy_(detail::copy_of(value)), data_(copy_.c_str()), size_(copy_.size())
    {
    }

    /** Not copyable: it may refer to its own string. */
    text(const text &) = delete;

    /** Not copyable, see above. */
    text &operator=(const text &) = delete;

    ~text() = default;

    /**
     * The characters, NUL-terminated.
     *
     * @return a string for zmd.h; NULL if this was constructed from NULL
     */
    const char *c_str() const noexcept { return data_; }

    /**
     * A copy.
     *
     * @return the characters; empty if this was constructed from NULL
     */
    std::string str() const { return size_ == 0 ? std::string() : std::string(data_, size_); }

    /**
     * Whether there is an embedded NUL character, at which C would truncate the string.
     *
     * @return always false for a C string
     */
    bool has_nul() const noexcept { return size_ > 0 && std::memchr(data_, '\0', size_) != nullptr; }

private:
    std::string copy_{};
    const char *data_;
    std::size_t size_;
};

/** How far a job is. A newer library may know more states than these. */
enum class state : std::int32_t {
    unknown = ZMD_STATE_UNKNOWN,     /**< A state that the library does not know (see status::state_text), or none. */
    scheduled = ZMD_STATE_SCHEDULED, /**< The job has not begun. */
    running = ZMD_STATE_RUNNING,     /**< Records are being deleted. */
    completed = ZMD_STATE_COMPLETED, /**< The job has ended; failed_count is the number of records left. */
    failed = ZMD_STATE_FAILED,       /**< The job has ended, and failed as a whole. */
    queued = ZMD_STATE_QUEUED,       /**< The job is in the queue. */
    suspended = ZMD_STATE_SUSPENDED  /**< The job was interrupted, and has not ended. */
};

/**
 * The name of a state.
 *
 * @param value  the state, of any number
 * @return `"RUNNING"`; `"UNKNOWN"` for one that the library does not know. Static.
 */
inline const char *name(state value) noexcept { return zmd_state_name(static_cast<std::int32_t>(value)); }

/** @cond */
namespace detail {

/* Writes to a stream as a string is written, with the stream's width and fill. For a template, <iosfwd> is enough. */
template <class Stream>
Stream &print(Stream &stream, const std::string &line)
{
    stream << line;
    return stream;
}

} // namespace detail
/** @endcond */

/**
 * Writes the name of a state to a stream.
 *
 * @param stream  the stream
 * @param value   the state
 * @return the stream
 */
template <class Traits>
std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits> &stream, state value)
{
    return detail::print(stream, name(value));
}

/** The status of a job. A default-constructed one is that of no response. */
struct status {
    zmd::state state = zmd::state::unknown; /**< How far the job is. */
    int http_status = 0;                    /**< The HTTP status of the response; 0: none. */
    std::int64_t total_count = -1;          /**< Records that the job is to delete; -1: not reported. */
    std::int64_t deleted_count = -1;        /**< Records deleted so far; -1: not reported. */
    std::int64_t failed_count = -1;         /**< Records that could not be deleted so far; -1: not reported. */
    std::string state_text{};               /**< The service's name for the state, at most 31 bytes; empty: none. */
    std::string module{};                   /**< The job's module, as it was passed; empty: no job. */
    std::string job_id{};                   /**< The job's id, as it was passed; empty: no job. */

    /**
     * Whether the job has ended: completed or failed.
     *
     * @return also false for a state that the library does not know. A wait ends with such a state when it has been
     *         unchanged for three polls and five minutes, or when the counts have reached the total.
     */
    bool has_ended() const noexcept
    {
        const zmd_status raw = numbers();
        return zmd_status_has_ended(&raw) != 0;
    }

    /**
     * Whether every record is deleted: the job is completed, no record failed, and none is missing from the total.
     *
     * @return true if so; a count that was not reported is ignored
     */
    bool is_successful() const noexcept
    {
        const zmd_status raw = numbers();
        return zmd_status_is_successful(&raw) != 0;
    }

    /**
     * The status as one line, without its job: `COMPLETED, 9 of 9 deleted, 0 failed`. The wording may change.
     *
     * @return the line
     */
    std::string text() const
    {
        zmd_status raw = numbers();
        std::string line(zmd_status_text(&raw, nullptr, 0) + sizeof raw.state_text, '\0');
        state_text.copy(raw.state_text, sizeof raw.state_text - 1); // the rest is zero
        line.resize(zmd_status_text(&raw, &line[0], line.size()));
        return line;
    }

private:
    zmd_status numbers() const noexcept
    {
        zmd_status raw = zmd_status();
        raw.state = static_cast<zmd_state>(state);
        raw.http_status = http_status;
        raw.total_count = total_count;
        raw.deleted_count = deleted_count;
        raw.failed_count = failed_count;
        return raw;
    }
};

/**
 * Compares two statuses, including their jobs.
 *
 * @param left   a status
 * @param right  another status
 * @return whether all members are equal
 */
inline bool operator==(const status &left, const status &right) noexcept
{
    return left.state == right.state && left.http_status == right.http_status &&
           left.total_count == right.total_count && left.deleted_count == right.deleted_count &&
           left.failed_count == right.failed_count && left.state_text == right.state_text &&
           left.module == right.module && left.job_id == right.job_id;
}

/**
 * Compares two statuses, including their jobs.
 *
 * @param left   a status
 * @param right  another status
 * @return whether any member differs
 */
inline bool operator!=(const status &left, const status &right) noexcept { return !(left == right); }

/** @cond */
namespace detail {

/* What comes from the service or a caller is printed without control characters, which a terminal would interpret. */
inline std::string printable(std::string line)
{
    for (char &c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return line;
}

inline std::string line_of(const status &value)
{
    std::string line;
    if (!value.module.empty() || !value.job_id.empty())
        line += value.module + ' ' + value.job_id + ": ";
    line += value.text();
    return printable(std::move(line));
}

} // namespace detail
/** @endcond */

/**
 * Writes a status to a stream, as one line without a line end: `Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed`.
 *
 * @param stream  the stream
 * @param value   the status
 * @return the stream
 */
template <class Traits>
std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits> &stream, const status &value)
{
    return detail::print(stream, detail::line_of(value));
}

/** A module and the id of a job in it. */
struct job {
    std::string module; /**< The module's API name, such as `"Leads"`; see client::status(). */
    std::string job_id; /**< The id that scheduling the mass delete returned. */

    /** No job. */
    job() : module(), job_id() {}

    /**
     * Constructs a job. The strings are copied; the function that the job is passed to checks them.
     *
     * @param of_module  the module's API name
     * @param id         the job's id
     */
    job(const text &of_module, const text &id) : module(of_module.str()), job_id(id.str()) {}
};

/** The result of a call for a job: its status, or an error. */
struct result {
    zmd::status status{};    /**< The status; after an error its job and http_status, and the last one that a wait saw. */
    zmd_error code = ZMD_OK; /**< The error's number; ZMD_OK: none. */
    std::string message{};   /**< The error in one line: what failed, and what to do. For many jobs, it names the job. */
    std::string api_code{};  /**< The API's own code for the error, such as `"INVALID_TOKEN"`; empty: none. */

    /**
     * Whether there is no error.
     *
     * @return true if `status` is that of a response
     */
    bool ok() const noexcept { return code == ZMD_OK; }

    /**
     * Whether the error is transient: the same call may succeed later.
     *
     * @return true for ZMD_ERR_DNS, _CONNECT, _PROXY, _NETWORK, _TIMEOUT, _RATE_LIMITED and _SERVER, but for a proxy that
     *         refused the credentials: retrying with wrong ones may lock the account
     */
    bool is_transient() const noexcept { return zmd_error_is_transient(code) != 0 && status.http_status != 407; }

    /**
     * The status; throws if there is an error.
     *
     * @return the status
     * @throws error  of the family that `code` belongs to, if there is one
     */
    zmd::status get() const;
};

/** The result of one poll of a wait. After a transient error, the wait continues. */
struct poll : result {
    std::size_t index = 0;               /**< The job's index in the vector of jobs; 0 in a wait for one job. */
    std::chrono::milliseconds elapsed{}; /**< Since the wait began. */
    std::chrono::milliseconds next_poll = std::chrono::milliseconds(-1); /**< Until this job's next poll. Negative:
                                                                              there is none, its wait has ended. */
    std::chrono::milliseconds remaining = std::chrono::milliseconds(-1); /**< The forecast of the time until the job ends.
                                                                              Negative: the counts do not show yet how fast
                                                                              it is, or its wait has ended. */

    /**
     * In the function that this was passed to: ends the wait for this job, when the function returns true or nothing. Its
     * result has ZMD_ERR_CANCELLED; in a wait for many the others continue. It does nothing if the job's wait has ended.
     */
    static void end_job() noexcept { zmd_progress_end_job(); }
};

/**
 * A function that is called after every poll of a wait, on the thread that waits.
 *
 * It is made from any function, function object or lambda that takes a `const zmd::poll &`. If that returns false, the
 * wait ends with zmd::cancelled; after true, or if it returns nothing, the wait continues. An exception ends the wait too, and
 * is rethrown to the caller of the wait. In both cases the client remains usable, and the function is not called again.
 */
class progress_fn {
public:
    /** No function: nothing is called. */
    progress_fn() noexcept : call_() {}

    /** No function: nothing is called. */
    progress_fn(std::nullptr_t) noexcept : call_() {}

    /**
     * From a function that returns a bool. An empty `std::function` and a NULL pointer are no function.
     *
     * @param function  copied, or moved
     */
    template <class Function,
              typename std::enable_if<!std::is_same<typename std::decay<Function>::type, progress_fn>::value &&
                                          std::is_convertible<Function, std::function<bool(const poll &)>>::value,
                                      int>::type = 0>
    progress_fn(Function &&function) : call_(std::forward<Function>(function))
    {
    }

    /**
     * From a function that returns nothing.
     *
     * @param function  copied, or moved
     */
    template <class Function,
              typename std::enable_if<std::is_void<decltype(std::declval<typename std::decay<Function>::type &>()(
                                          std::declval<const poll &>()))>::value,
                                      int>::type = 0,
              class = void>
    progress_fn(Function &&function) : call_()
    {
        std::function<void(const poll &)> kept(std::forward<Function>(function));
        if (kept)
            call_ = [kept](const zmd::poll &poll) {
                kept(poll);
                return true;
            };
    }

    /** Whether there is a function. */
    explicit operator bool() const noexcept { return static_cast<bool>(call_); }

    /**
     * Calls the function.
     *
     * @param poll  the result of a poll
     * @return whether the wait continues
     * @throws ...  what the function throws; std::bad_function_call if there is none
     */
    bool operator()(const zmd::poll &poll) const { return call_(poll); }

private:
    std::function<bool(const poll &)> call_;
};

/**
 * Called with a line of the log: its level (1 error, 2 warning, 3 info, 4 debug, 5 trace), and its text, which is valid
 * during the call.
 *
 * It is called on any thread, and on several at once. Exceptions are ignored.
 */
using log_fn = std::function<void(int level, const char *message)>;

/**
 * The base of all exceptions; what() describes in one line what failed, and what to do.
 *
 * The derived classes are the families of errors. An error of no family, such as a bug in the library or a number of a
 * newer library, is of this class itself. zmd_error describes each number.
 */
class error : public std::runtime_error {
public:
    /**
     * Constructs the exception for an error.
     *
     * @param failed  the result of the failed call
     */
    explicit error(const result &failed)
        : std::runtime_error(failed.message), failed_(std::make_shared<const result>(failed))
    {
    }

    /**
     * Copies an exception; never throws. There is no move, which would leave an exception without a message.
     *
     * @param other  the exception to copy
     */
    error(const error &other) = default;

    /**
     * Copies an exception; never throws.
     *
     * @param other  the exception to copy
     * @return this
     */
    error &operator=(const error &other) = default;

    ~error() override = default;

    /**
     * The error's number, whose name is `zmd_error_name(code())`.
     *
     * @return never ZMD_OK
     */
    zmd_error code() const noexcept { return failed_->code; }

    /**
     * The API's own code, such as `"INVALID_TOKEN"`.
     *
     * @return never NULL; `""` if the error does not come from the API, or has no code. Valid as long as the exception.
     */
    const char *api_code() const noexcept { return failed_->api_code.c_str(); }

    /**
     * The HTTP status of the failed response; of a wait that timed out or was cancelled, that of its last status.
     *
     * @return the status; 0: there was no response
     */
    int http_status() const noexcept { return failed_->status.http_status; }

    /**
     * The module of the job that the call was for, as it was passed.
     *
     * @return the module, empty if the call was for no job; valid as long as the exception
     */
    const std::string &module() const noexcept { return failed_->status.module; }

    /**
     * The id of the job that the call was for, as it was passed.
     *
     * @return the id, empty if the call was for no job; valid as long as the exception
     */
    const std::string &job_id() const noexcept { return failed_->status.job_id; }

    /**
     * Whether the error is transient: the same call may succeed later.
     *
     * @return true for ZMD_ERR_DNS, _CONNECT, _PROXY, _NETWORK, _TIMEOUT, _RATE_LIMITED and _SERVER, but for a proxy that
     *         refused the credentials: retrying with wrong ones may lock the account
     */
    bool is_transient() const noexcept { return failed_->is_transient(); }

protected:
    /**
     * The status that came with the error.
     *
     * @return the status; valid as long as the exception
     */
    const zmd::status &status() const noexcept { return failed_->status; }

private:
    // Shared, as copying an exception must not throw, and strings do.
    std::shared_ptr<const result> failed_;
};

/** An argument is invalid, or a handle was moved from: ZMD_ERR_NULL_POINTER, ZMD_ERR_INVALID_ARGUMENT. */
class argument_error : public error {
public:
    using error::error;
};

/** A setting is unknown, invalid, or missing: ZMD_ERR_INVALID_CONFIG. */
class config_error : public error {
public:
    using error::error;
};

/** The service can't be reached: ZMD_ERR_DNS, _CONNECT, _TLS, _PROXY, _NETWORK. */
class network_error : public error {
public:
    using error::error;
};

/** The time limit of a call or of a wait expired: ZMD_ERR_TIMEOUT. */
class timeout : public error {
public:
    using error::error;

    /**
     * The last status that a wait saw.
     *
     * @return the status; that of no response if there was none, or if the call was not a wait. Valid as long as the
     *         exception.
     */
    const zmd::status &last_status() const noexcept { return status(); }
};

/** The client was cancelled, or a progress function ended the wait: ZMD_ERR_CANCELLED. */
class cancelled : public error {
public:
    using error::error;

    /**
     * The last status that a wait saw.
     *
     * @return the status; that of no response if there was none, or if the call was not a wait. Valid as long as the
     *         exception.
     */
    const zmd::status &last_status() const noexcept { return status(); }
};

/** The job of a wait stands still, for longer than the setting stalled_ms allows: ZMD_ERR_STALLED. */
class stalled : public error {
public:
    using error::error;

    /**
     * The last status that the wait saw.
     *
     * @return the status. Valid as long as the exception.
     */
    const zmd::status &last_status() const noexcept { return status(); }
};

/** The service returned an error: the numbers from 20 to 29, ZMD_ERR_UNAUTHORIZED and so on. */
class api_error : public error {
public:
    using error::error;
};

/** @cond */
namespace detail {

[[noreturn]] inline void raise(const result &failed)
{
    const int number = failed.code;
    if (number == ZMD_ERR_NULL_POINTER || number == ZMD_ERR_INVALID_ARGUMENT)
        throw argument_error(failed);
    if (number == ZMD_ERR_INVALID_CONFIG)
        throw config_error(failed);
    if (number >= ZMD_ERR_DNS && number <= ZMD_ERR_NETWORK)
        throw network_error(failed);
    if (number == ZMD_ERR_TIMEOUT)
        throw timeout(failed);
    if (number == ZMD_ERR_CANCELLED)
        throw cancelled(failed);
    if (number == ZMD_ERR_STALLED)
        throw stalled(failed);
    if (number >= ZMD_ERR_UNAUTHORIZED && number <= ZMD_ERR_OAUTH)
        throw api_error(failed);
    throw error(failed);
}

inline result refusal(zmd_error code, const std::string &message)
{
    result refused;
    refused.code = code;
    refused.message = message;
    return refused;
}

/* Throws the error of the last call on this thread, which was for this job. */
inline void check(zmd_error code, const job &named = job())
{
    if (code == ZMD_OK)
        return;
    result failed = refusal(code, zmd_last_error());
    failed.api_code = zmd_last_error_code();
    failed.status.module = named.module;
    failed.status.job_id = named.job_id;
    raise(failed);
}

inline bool has_nul(const std::string &value) { return text(value).has_nul(); }

inline std::string message_of_nul(const std::string &name)
{
    return name + " contains a NUL character, at which C would truncate it: remove it";
}

inline void check_nul(const text &value, const char *name, const job &named = job())
{
    if (!value.has_nul())
        return;
    result refused = refusal(ZMD_ERR_INVALID_ARGUMENT, message_of_nul(name));
    refused.status.module = named.module;
    refused.status.job_id = named.job_id;
    raise(refused);
}

/* The job of two arguments, if both can be passed to C. */
inline job job_of(const text &module, const text &job_id)
{
    job named(module, job_id);
    check_nul(module, "module", named);
    check_nul(job_id, "job_id", named);
    return named;
}

inline result outcome(const job &named, zmd_error code, const zmd_status &raw, const char *message,
                      const char *api_code)
{
    result made;
    made.status.module = named.module;
    made.status.job_id = named.job_id;
    made.status.state = static_cast<state>(raw.state);
    made.status.http_status = raw.http_status;
    made.status.total_count = raw.total_count;
    made.status.deleted_count = raw.deleted_count;
    made.status.failed_count = raw.failed_count;
    made.status.state_text = raw.state_text;
    made.code = code;
    made.message = message;
    made.api_code = api_code;
    return made;
}

/* Prepends the job to the message of one of many jobs: "Leads 1001: ...", or its index if the job is invalid. */
inline void name_job(result &failed, const std::string &place)
{
    const std::string named = failed.status.module + ' ' + failed.status.job_id;
    const std::size_t longest = 200; // a module's name has at most 100 characters, an id 64
    const bool is_a_name = !failed.status.module.empty() && named.size() <= longest && printable(named) == named;
    if (!failed.message.empty())
        failed.message.insert(0, (is_a_name ? named : place) + ": ");
}

/* Whole milliseconds, rounded up, clamped to the range of the type; NaN becomes the minimum. */
template <class Rep, class Period>
std::int64_t milliseconds(const std::chrono::duration<Rep, Period> &time)
{
    // As a real number, which no duration overflows. A long double with a mantissa of 64 bits represents every count;
    // a floating duration keeps its type, as in a wider type 0.1 s would be slightly more than 100 ms.
    using real = typename std::conditional<std::is_floating_point<Rep>::value, Rep, long double>::type;
    using limits = std::numeric_limits<std::int64_t>;
    const real count = std::ceil(std::chrono::duration<real, std::milli>(time).count());
    const real end = static_cast<real>(9.2e18); // slightly below the maximum, which not every real type can represent
    if (count >= end)
        return (limits::max)();
    return count > -end ? static_cast<std::int64_t>(count) : (limits::min)();
}

/* The limit of a wait for C: negative is none, 0 polls once. */
template <class Rep, class Period>
std::int64_t limit(const std::chrono::duration<Rep, Period> &time)
{
    const std::int64_t count = milliseconds(time);
    if (count == (std::numeric_limits<std::int64_t>::max)())
        return -1;
    return count > 0 ? count : 0;
}

/* The limit of a call for C, where negative would be the setting, and 0 is refused. */
template <class Rep, class Period>
std::int64_t call_limit(const std::chrono::duration<Rep, Period> &time)
{
    const std::int64_t count = milliseconds(time);
    return count > 0 ? count : 0;
}

struct free_handle {
    void operator()(zmd_config *handle) const noexcept { zmd_config_free(handle); }
    void operator()(zmd_client *handle) const noexcept { zmd_client_free(handle); }
    void operator()(zmd_waits *handle) const noexcept { zmd_waits_free(handle); }
};

using config_handle = std::unique_ptr<zmd_config, free_handle>;
using client_handle = std::unique_ptr<zmd_client, free_handle>;
using waits_handle = std::unique_ptr<zmd_waits, free_handle>;

inline std::string place(std::size_t index) { return "jobs[" + std::to_string(index) + ']'; }

/* Adapts a progress function to C during a wait. */
class listener {
public:
    /* A wait for one job. */
    listener(const progress_fn &progress, const job &named) : progress_(progress), jobs_(&named), is_for_many_(false) {}

    /* A wait for many. */
    listener(const progress_fn &progress, const std::vector<job> &jobs)
        : progress_(progress), jobs_(jobs.data()), is_for_many_(true)
    {
    }

    zmd_progress_fn callback() const noexcept { return progress_ ? call : nullptr; }

    /* To be called when C has returned. */
    void rethrow() const
    {
        if (thrown_)
            std::rethrow_exception(thrown_);
    }

    listener(const listener &) = delete;
    listener &operator=(const listener &) = delete;
    ~listener() = default;

private:
    static std::int32_t call(void *user_data, std::size_t index, std::int32_t code, const zmd_status *raw) noexcept
    {
        listener &self = *static_cast<listener *>(user_data);
        try {
            poll polled;
            static_cast<result &>(polled) =
                outcome(self.jobs_[index], static_cast<zmd_error>(code), *raw, zmd_last_error(), zmd_last_error_code());
            if (self.is_for_many_)
                name_job(polled, place(index));
            polled.index = index;
            polled.elapsed = std::chrono::milliseconds(zmd_progress_elapsed_ms());
            polled.next_poll = std::chrono::milliseconds(zmd_progress_next_poll_ms());
            polled.remaining = std::chrono::milliseconds(zmd_progress_remaining_ms());
            return self.progress_(polled) ? 0 : 1;
        } catch (...) {
            self.thrown_ = std::current_exception();
            return 1;
        }
    }

    const progress_fn &progress_;
    const job *jobs_;
    bool is_for_many_;
    std::exception_ptr thrown_{};
};

/* A call for many jobs, made by `call`. */
template <class Call>
std::vector<result> call_many(const std::vector<job> &jobs, const Call &call)
{
    // A name with an embedded NUL is passed as NULL, which C refuses for that job only, as any other invalid name.
    const auto c_str = [](const std::string &name) { return has_nul(name) ? nullptr : name.c_str(); };
    std::vector<zmd_job> named;
    named.reserve(jobs.size());
    for (const job &each : jobs)
        named.push_back(zmd_job{c_str(each.module), c_str(each.job_id)});

    std::vector<zmd_status> statuses(jobs.size());
    std::vector<zmd_error> errors(jobs.size(), ZMD_OK);
    const zmd_error code = call(named.data(), named.size(), statuses.data(), errors.data());

    std::vector<result> results;
    results.reserve(jobs.size());
    bool is_a_jobs = false;
    for (std::size_t i = 0; i < jobs.size(); i++) {
        results.push_back(
            outcome(jobs[i], errors[i], statuses[i], zmd_last_error_of_job(i), zmd_last_error_code_of_job(i)));
        is_a_jobs = is_a_jobs || !results[i].message.empty();
    }
    if (!is_a_jobs)
        check(code);
    for (std::size_t i = 0; i < jobs.size(); i++) {
        if (named[i].module == nullptr || named[i].job_id == nullptr) {
            results[i].code = ZMD_ERR_INVALID_ARGUMENT;
            results[i].message = message_of_nul(named[i].module == nullptr ? "module" : "job_id");
        }
        name_job(results[i], place(i));
    }
    return results;
}

/* A log function that the library may call. */
struct logger {
    log_fn log;
    logger *next; /* in the list of those that were set */

    static void write(void *user_data, std::int32_t level, const char *message) noexcept
    {
        const bool was_inside = is_inside();
        is_inside() = true;
        try {
            static_cast<logger *>(user_data)->log(level, message);
        } catch (...) { // NOLINT(bugprone-empty-catch): nothing may unwind into C, and there is no other caller
        }
        is_inside() = was_inside;
    }

    /* Whether this thread is in a log function. */
    static bool &is_inside() noexcept
    {
        static thread_local bool value = false;
        return value;
    }

    /* Those that zmd_set_logger() has set. One of them may be in use. */
    static std::atomic<logger *> &list() noexcept
    {
        static std::atomic<logger *> first(nullptr);
        return first;
    }

    static void add(logger *added) noexcept
    {
        added->next = list().load();
        while (!list().compare_exchange_weak(added->next, added)) {
        }
    }
};

} // namespace detail
/** @endcond */

inline zmd::status result::get() const
{
    if (!ok())
        detail::raise(*this);
    return status;
}

/**
 * The version of the library that is loaded, `"0.1.0"`; that of the header is in ZMD_VERSION_MAJOR, _MINOR and _PATCH.
 *
 * @return the version. Static.
 */
inline const char *version() noexcept { return zmd_version(); }

/**
 * Sets a function that is called with the lines of the log: token renewals, retries, connections, TLS.
 *
 * There is one logger in a process, for all clients; another call replaces it, even while calls run. When it returns, no
 * other thread is in an earlier function, which is destroyed; do not hold a lock that the function takes. A call from inside
 * a log function does not wait, and a later call destroys that function.
 *
 * @param log        the function; nullptr turns logging off. Code that can be unloaded must turn it off first.
 * @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace; 0: nothing
 * @throws argument_error  for another level; the logger stays as it was
 */
inline void set_logger(log_fn log, int max_level = 3)
{
    std::unique_ptr<detail::logger> made(log ? new detail::logger{std::move(log), nullptr} : nullptr);
    /* All of these were set before, so that no thread is in one of them when zmd_set_logger() has returned. */
    detail::logger *earlier = detail::logger::is_inside() ? nullptr : detail::logger::list().exchange(nullptr);
    const zmd_error code = zmd_set_logger(made ? detail::logger::write : nullptr, made.get(), made ? max_level : 0);
    while (earlier != nullptr) {
        std::unique_ptr<detail::logger> one(earlier);
        earlier = one->next;
        if (code != ZMD_OK)
            detail::logger::add(one.release());
    }
    detail::check(code);
    if (made)
        detail::logger::add(made.release());
}

/** The limit of a wait that has no limit. */
constexpr std::chrono::milliseconds no_timeout = (std::chrono::milliseconds::max)();

/**
 * Returns an access token when one is needed.
 *
 * It is called on a thread of the library, one call at a time for a client, and may block: a call that needs the token
 * still ends at its limit. An exception becomes an api_error of ZMD_ERR_OAUTH for that call, with the same message.
 *
 * @param refused  the access token that the service refused; empty: none
 * @return the access token
 */
using token_fn = std::function<std::string(const std::string &refused)>;

/** @cond */
namespace detail {

/* zmd_token_fn, for a token_fn. */
inline std::int32_t provide_token(void *user_data, const char *refused, char *token, std::size_t size) noexcept
{
    std::int32_t code = 0;
    const auto write = [token, size](const char *text) {
        std::strncpy(token, text, size - 1);
        token[size - 1] = '\0';
    };
    try {
        const std::string given = (*static_cast<token_fn *>(user_data))(refused == nullptr ? "" : refused);
        // A token with an embedded NUL, or one that is too long, is invalid: pass what C refuses.
        write(has_nul(given) || given.size() >= size ? "" : given.c_str());
    } catch (const std::exception &thrown) {
        write(thrown.what());
        code = 1;
    } catch (...) {
        write("");
        code = 1;
    }
    return code;
}

} // namespace detail
/** @endcond */

/** Settings for a client. Movable, not copyable; using one that was moved from throws an argument_error. */
class config {
public:
    /**
     * Creates a configuration with the defaults.
     *
     * @throws error  if the library fails to
     */
    config()
    {
        zmd_config *made = nullptr;
        detail::check(zmd_config_new(&made));
        handle_.reset(made);
    }

    /**
     * Sets one setting. zmd_config_set() lists the keys and their defaults.
     *
     * @param key    a setting's name, such as `"access_token"` or `"timeout_ms"`
     * @param value  its value as text
     * @return this
     * @throws config_error    for an unknown key or an invalid value; then the configuration is unchanged
     * @throws argument_error  for NULL
     */
    config &set(const text &key, const char *value)
    {
        check_nul(key, "key");
        detail::check(zmd_config_set(get(), key.c_str(), value));
        return *this;
    }

    /** @copydoc set(const text &, const char *) */
    config &set(const text &key, const text &value)
    {
        check_nul(value, key.str());
        return set(key, value.c_str());
    }

    /**
     * Sets one numeric setting.
     *
     * @param key    a setting's name, such as `"max_retries"`
     * @param value  its value, an integer of any type
     * @return this
     * @throws config_error  as for text
     */
    template <class Integer, class = typename std::enable_if<std::is_integral<Integer>::value>::type>
    config &set(const text &key, Integer value)
    {
        return set(key, std::to_string(value).c_str());
    }

    /**
     * Sets one setting in milliseconds.
     *
     * @param key    a setting's name that ends in `_ms`
     * @param value  a duration of any unit, which is rounded up to whole milliseconds
     * @return this
     * @throws config_error  as for text
     */
    template <class Rep, class Period>
    config &set(const text &key, const std::chrono::duration<Rep, Period> &value)
    {
        return set(key, detail::milliseconds(value));
    }

    /** No setting is a bool. */
    config &set(const text &, bool) = delete;

    /** A character is not a number: '5' is not 5. */
    config &set(const text &, char) = delete;

    /**
     * Sets every setting whose environment variable is set and not empty: `ZMD_` and the key in upper case. No other
     * thread may change the environment during the call.
     *
     * @return this
     * @throws config_error  for the first variable with an invalid value; then the configuration is unchanged
     */
    config &load_env()
    {
        detail::check(zmd_config_load_env(get()));
        return *this;
    }

    /**
     * Sets the settings of a profile of a configuration file, except those that set() or the environment has set.
     *
     * @param path     the file; empty: that of `ZMD_CONFIG_FILE`, or else the default path, if it exists
     * @param profile  the profile in it; empty: that of `ZMD_PROFILE`, or else `default`
     * @return this
     * @throws config_error  for a file that can't be read, that contains secrets and other users can read, or that is
     *                       invalid: what() names the path, the line and the key. Then the configuration is
     *                       unchanged.
     */
    config &load_file(const text &path = "", const text &profile = "")
    {
        check_nul(path, "path");
        check_nul(profile, "profile");
        const auto unless_empty = [](const text &name) { return name.str().empty() ? nullptr : name.c_str(); };
        detail::check(zmd_config_load_file(get(), unless_empty(path), unless_empty(profile)));
        return *this;
    }

    /**
     * Makes clients of this configuration call a function for access tokens, for example one that reads them from a vault.
     * It counts as a credential.
     *
     * @param provide  the function, which is kept by the clients; nullptr: none
     * @return this configuration
     * @throws argument_error  if this was moved from
     */
    config &set_token_provider(token_fn provide)
    {
        std::shared_ptr<token_fn> kept;
        if (provide)
            kept = std::make_shared<token_fn>(std::move(provide));
        detail::check(zmd_config_set_token_provider(get(), kept ? detail::provide_token : nullptr, kept.get()));
        provider_ = std::move(kept);
        return *this;
    }

    /**
     * The handle, for the functions of zmd.h.
     *
     * @return the handle, which this object owns; NULL after a move
     */
    zmd_config *get() const noexcept { return handle_.get(); }

private:
    friend class client;

    static void check_nul(const text &value, const std::string &name)
    {
        if (value.has_nul())
            detail::raise(detail::refusal(ZMD_ERR_INVALID_CONFIG, detail::message_of_nul(name)));
    }

    std::shared_ptr<token_fn> provider_{};
    detail::config_handle handle_{};
};

/**
 * Queries the status of jobs, and waits for their end.
 *
 * It keeps connections open between calls: create one, and share it between threads. Movable, not copyable; the calls of
 * one that was moved from throw an argument_error.
 */
class client {
public:
    /**
     * Creates a client with the settings of the environment and the configuration file, as config::load_env() and
     * config::load_file() read them. Nothing is sent.
     *
     * @throws config_error  if a setting is missing or invalid
     */
    client() { make(nullptr); }

    /**
     * Creates a client. Nothing is sent.
     *
     * @param settings  copied, so it can be changed or destroyed afterwards
     * @throws config_error    if a setting is missing: there must be an `access_token`, or `refresh_token`, `client_id`
     *                         and `client_secret` together
     * @throws argument_error  if the settings were moved from
     */
    explicit client(const config &settings)
    {
        // For C, NULL means the environment.
        if (settings.get() == nullptr)
            detail::raise(detail::refusal(ZMD_ERR_NULL_POINTER, "the config was moved from"));
        provider_ = settings.provider_;
        make(settings.get());
    }

    /**
     * Replaces the access token: calls that start after this one use it.
     *
     * @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`
     * @throws argument_error  if it is invalid; then the old token is kept
     */
    void set_access_token(const text &access_token)
    {
        detail::check_nul(access_token, "access_token");
        detail::check(zmd_client_set_access_token(get(), access_token.c_str()));
    }

    /**
     * Queries how far a job is, and blocks until the response has arrived, for at most the setting `timeout_ms`.
     *
     * @param module  the module's API name: a letter, then letters, digits and underscores, at most 100 characters
     * @param job_id  the `job_id` that scheduling the mass delete returned
     * @return the status; a failed job is a status, not an error
     * @throws error  of any family; argument_error: nothing was sent
     */
    zmd::status status(const text &module, const text &job_id) const { return query(module, job_id, -1); }

    /**
     * Queries how far a job is, with its own limit.
     *
     * @param module  as for the call without a limit
     * @param job_id  as for the call without a limit
     * @param limit   for the whole call, instead of the setting `timeout_ms`: a duration of any unit, which is rounded up
     *                to whole milliseconds
     * @return the status; a failed job is a status, not an error
     * @throws argument_error  also for a limit of zero or less, or NaN
     * @throws error           of any family
     */
    template <class Rep, class Period>
    zmd::status status(const text &module, const text &job_id, const std::chrono::duration<Rep, Period> &limit) const
    {
        return query(module, job_id, detail::call_limit(limit));
    }

    /**
     * Queries how far each of many jobs is, with at most `max_concurrency` concurrent calls.
     *
     * @param jobs  the jobs; duplicates are allowed
     * @return the result of each, in the order of the jobs. A job's error does not affect the others, and is not thrown.
     * @throws argument_error  if the client was moved from
     */
    std::vector<result> status_many(const std::vector<job> &jobs) const
    {
        return detail::call_many(jobs, [this](const zmd_job *named, std::size_t count, zmd_status *statuses,
                                             zmd_error *errors) {
            return zmd_client_status_many(get(), named, count, statuses, errors);
        });
    }

    /**
     * Waits until a job has ended.
     *
     * It polls, with pauses that depend on the job's progress. A transient error does not end the wait.
     *
     * @param module    as for status()
     * @param job_id    as for status()
     * @param limit     for the whole wait: a duration of any unit, which is rounded up to whole milliseconds.
     *                  zmd::no_timeout, and a limit that does not fit into 64 bits, is none. With zero or less, or NaN, it
     *                  polls once.
     * @param progress  called after every poll; nullptr: none. With one, the wait has its own connections.
     * @return the last status: completed, failed, or in a state that the library does not know
     * @throws zmd::timeout  when the limit expired
     * @throws cancelled     after cancel(), and when `progress` returned false and the job had not ended by then
     * @throws stalled       when the job stood still for as long as the setting stalled_ms says
     * @throws error         of any family, if it is not transient
     * @throws ...           what `progress` threw
     */
    template <class Rep, class Period>
    zmd::status wait(const text &module, const text &job_id,
                     const std::chrono::duration<Rep, Period> &limit, const progress_fn &progress = nullptr) const
    {
        return wait_for(module, job_id, detail::limit(limit), progress);
    }

    /**
     * Waits without a limit until a job has ended.
     *
     * @param module    as for status()
     * @param job_id    as for status()
     * @param progress  as for the wait with a limit
     * @return as for the wait with a limit
     * @throws error  as the wait with a limit, but no zmd::timeout
     */
    zmd::status wait(const text &module, const text &job_id, const progress_fn &progress = nullptr) const
    {
        return wait_for(module, job_id, -1, progress);
    }

    /**
     * Waits until many jobs have ended, each as wait() does, with at most `max_concurrency` concurrent calls.
     *
     * @param jobs      the jobs; duplicates are allowed
     * @param limit     for the whole wait, as for wait()
     * @param progress  as for wait(); it is called only on the calling thread
     * @return the result of each, in the order of the jobs. A job's error does not affect the others, and is not thrown:
     *         at the limit the jobs that have not ended have ZMD_ERR_TIMEOUT, after cancel() or a `progress` that
     *         returned false ZMD_ERR_CANCELLED, and in `status` the last one seen.
     * @throws argument_error  if the client was moved from
     * @throws ...             what `progress` threw
     */
    template <class Rep, class Period>
    std::vector<result> wait_many(const std::vector<job> &jobs, const std::chrono::duration<Rep, Period> &limit,
                                  const progress_fn &progress = nullptr) const
    {
        return wait_for_many(jobs, detail::limit(limit), progress);
    }

    /**
     * Waits without a limit until many jobs have ended.
     *
     * @param jobs      the jobs; duplicates are allowed
     * @param progress  as for the wait with a limit
     * @return as for the wait with a limit
     * @throws argument_error  if the client was moved from
     * @throws ...             what `progress` threw
     */
    std::vector<result> wait_many(const std::vector<job> &jobs, const progress_fn &progress = nullptr) const
    {
        return wait_for_many(jobs, -1, progress);
    }

    /**
     * Cancels the client permanently: every call in progress ends within 100 ms, and every later one at once, with
     * zmd::cancelled (those for many jobs with ZMD_ERR_CANCELLED in their results).
     *
     * @throws argument_error  if the client was moved from
     */
    void cancel() { detail::check(zmd_client_cancel(get())); }

    /**
     * What this client and its clones have done so far: calls, polls, retries, bytes and others.
     *
     * @return the numbers, each of which only grows
     * @throws argument_error  if the client was moved from
     */
    zmd_counters counters() const
    {
        zmd_counters made;
        detail::check(zmd_client_counters(get(), &made, sizeof made));
        return made;
    }

    /**
     * How many API credits remained to the organization when the service last reported them.
     *
     * @return the credits; -1 if it has not, as it does once half of those of the last 24 hours are used
     */
    std::int64_t credits() const noexcept { return zmd_client_credits(get()); }

    /**
     * The handle, for the functions of zmd.h.
     *
     * @return the handle, which this object owns; NULL after a move
     */
    zmd_client *get() const noexcept { return handle_.get(); }

private:
    void make(const zmd_config *settings)
    {
        zmd_client *made = nullptr;
        detail::check(zmd_client_new(settings, &made));
        handle_.reset(made);
    }

    zmd::status query(const text &module, const text &job_id, std::int64_t limit_ms) const
    {
        const job named = detail::job_of(module, job_id);
        zmd_status raw;
        const zmd_error code = zmd_client_status_within(get(), module.c_str(), job_id.c_str(), limit_ms, &raw);
        return detail::outcome(named, code, raw, zmd_last_error(), zmd_last_error_code()).get();
    }

    zmd::status wait_for(const text &module, const text &job_id, std::int64_t limit_ms,
                         const progress_fn &progress) const
    {
        const job named = detail::job_of(module, job_id);
        detail::listener listener(progress, named);
        zmd_status raw;
        const zmd_error code = zmd_client_wait(get(), module.c_str(), job_id.c_str(), limit_ms,
                                               listener.callback(), &listener, &raw);
        listener.rethrow();
        return detail::outcome(named, code, raw, zmd_last_error(), zmd_last_error_code()).get();
    }

    std::vector<result> wait_for_many(const std::vector<job> &jobs, std::int64_t limit_ms,
                                      const progress_fn &progress) const
    {
        detail::listener listener(progress, jobs);
        return detail::call_many(jobs, [this, &listener, limit_ms](const zmd_job *named, std::size_t count,
                                                                  zmd_status *statuses, zmd_error *errors) {
            const zmd_error code = zmd_client_wait_many(get(), named, count, limit_ms, listener.callback(),
                                                        &listener, statuses, errors);
            listener.rethrow();
            return code;
        });
    }

    friend class waits;

    // Declared before the handle, so it is destroyed after it: it may be called until then.
    std::shared_ptr<token_fn> provider_{};
    detail::client_handle handle_{};
};

/** What zmd::waits::next() returns: the result of a poll, or of a whole call. */
struct event : result {
    std::uint64_t id = 0;                /**< The call's id, from waits::add() or waits::add_status(). */
    bool has_ended = false;              /**< The call has ended: `status` and `code` are its result, and there is no
                                              other event of this id. false: a poll, after which the wait continues. */
    std::chrono::milliseconds elapsed{}; /**< Since the call was added. */
    std::chrono::milliseconds next_poll = std::chrono::milliseconds(-1); /**< Until its next poll. Negative: it has ended. */
};

/**
 * Many calls at once without a thread for each: a completion queue.
 *
 * Calls are added, and next() returns their events:
 *
 * @code
 * zmd::waits waits(client);
 * for (const zmd::job &job : jobs)
 *     waits.add(job.module, job.job_id, std::chrono::hours(4));
 * while (waits.size() > 0) {
 *     const zmd::event event = waits.next();
 *     if (event.has_ended && event.ok())
 *         std::cout << event.status << '\n';
 *     else if (event.has_ended)
 *         std::cerr << event.message << '\n';
 * }
 * @endcode
 *
 * It uses `max_concurrency` threads plus one, whatever the number of calls. Any number of threads may call all functions
 * at the same time; only while it is moved, assigned or destroyed, no other thread may use it. Movable, not copyable;
 * the calls of one that was moved from throw an argument_error, as do those in the child after `fork()`. Destroying it
 * ends all calls within 100 ms.
 */
class waits {
public:
    /**
     * Creates a queue without calls.
     *
     * @param client  the client whose settings, token and connections are used, and which cancels the calls when it is
     *                cancelled. It may be destroyed first.
     * @throws argument_error  if the client was moved from
     * @throws cancelled       if the client was cancelled
     */
    explicit waits(const client &client) : provider_(client.provider_), jobs_(new job_table())
    {
        zmd_waits *made = nullptr;
        detail::check(zmd_waits_new(client.get(), &made));
        handle_.reset(made);
    }

    /**
     * Adds a wait, as by client::wait().
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @param limit   for the whole wait, as for client::wait()
     * @return its id, which is unique in this object
     * @throws argument_error  for an invalid argument; nothing was added
     * @throws cancelled       after cancel() of this or of the client
     */
    template <class Rep, class Period>
    std::uint64_t add(const text &module, const text &job_id, const std::chrono::duration<Rep, Period> &limit)
    {
        return start(zmd_waits_add, module, job_id, detail::limit(limit));
    }

    /**
     * Adds a wait without a limit.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @return as for the wait with a limit
     * @throws error  as for the wait with a limit
     */
    std::uint64_t add(const text &module, const text &job_id) { return start(zmd_waits_add, module, job_id, -1); }

    /**
     * Adds a status call, as by client::status(). It has one event.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @return its id, which is unique in this object
     * @throws argument_error  for an invalid argument; nothing was added
     * @throws cancelled       after cancel() of this or of the client
     */
    std::uint64_t add_status(const text &module, const text &job_id)
    {
        return start(zmd_waits_add_status, module, job_id, -1);
    }

    /**
     * Adds a status call with its own limit.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @param limit   for the whole call, as for client::status() with a limit
     * @return as for the call without a limit
     * @throws argument_error  also for a limit of zero or less, or NaN
     * @throws cancelled       as for the call without a limit
     */
    template <class Rep, class Period>
    std::uint64_t add_status(const text &module, const text &job_id, const std::chrono::duration<Rep, Period> &limit)
    {
        return start(zmd_waits_add_status, module, job_id, detail::call_limit(limit));
    }

    /**
     * Ends a call at once: its last event has ZMD_ERR_CANCELLED. The others continue.
     *
     * @param id  the result of add() or add_status(); if that call has ended, or there is none, nothing happens
     * @throws argument_error  if this was moved from
     */
    void remove(std::uint64_t id) { detail::check(zmd_waits_remove(get(), id)); }

    /**
     * A descriptor for event loops, which is readable while next() returns or throws at once; on Windows the HANDLE of an
     * event object, which is signaled then.
     *
     * @return the handle, which belongs to this: only wait for it. -1 if there is none: in a child of fork(), and if the
     *         process has no descriptor left. See zmd_waits_handle().
     */
    std::intptr_t handle() const noexcept { return zmd_waits_handle(get()); }

    /**
     * Waits for the next event, without a limit: even if there is no call, as another thread may add one.
     *
     * @return the event; it contains the error of its call, which is not thrown
     * @throws cancelled       after cancel() of this or of the client, once every event has been returned
     * @throws argument_error  if this was moved from
     */
    event next()
    {
        event made;
        take(made, -1);
        return made;
    }

    /**
     * Waits for the next event, with a limit.
     *
     * @param into   receives the event
     * @param limit  a duration of any unit, which is rounded up to whole milliseconds; zero or less does not block
     * @return whether there was an event; otherwise `into` is unchanged
     * @throws error  as next() without a limit
     */
    template <class Rep, class Period>
    bool next(event &into, const std::chrono::duration<Rep, Period> &limit)
    {
        return take(into, detail::limit(limit));
    }

    /**
     * The number of calls whose last event next() has not returned.
     *
     * @return the number; 0 after a move
     */
    std::size_t size() const
    {
        if (!jobs_)
            return 0;
        const std::lock_guard<std::mutex> lock(jobs_->mutex);
        return jobs_->jobs.size();
    }

    /**
     * Ends all calls, whose last events have ZMD_ERR_CANCELLED, and refuses later ones. The client remains usable.
     *
     * @throws argument_error  if this was moved from
     */
    void cancel() { detail::check(zmd_waits_cancel(get())); }

    /**
     * The handle, for the functions of zmd.h. Calls that they add have no job in their events, and do not count in
     * size().
     *
     * @return the handle, which this object owns; NULL after a move
     */
    zmd_waits *get() const noexcept { return handle_.get(); }

private:
    struct job_table {
        std::mutex mutex{};
        std::unordered_map<std::uint64_t, job> jobs{};
    };

    using start_fn = zmd_error (*)(zmd_waits *, const char *, const char *, std::int64_t, std::uint64_t *);

    void check_handle() const
    {
        if (!handle_)
            detail::raise(detail::refusal(ZMD_ERR_NULL_POINTER, "the waits were moved from"));
    }

    std::uint64_t start(start_fn add_call, const text &module, const text &job_id, std::int64_t limit_ms)
    {
        check_handle();
        const job named = detail::job_of(module, job_id);
        // Held until the job is in the table: another thread may get its event before that.
        const std::lock_guard<std::mutex> lock(jobs_->mutex);
        std::uint64_t id = 0;
        detail::check(add_call(get(), module.c_str(), job_id.c_str(), limit_ms, &id), named);
        jobs_->jobs.emplace(id, named);
        return id;
    }

    bool take(event &into, std::int64_t limit_ms)
    {
        check_handle();
        zmd_event raw;
        const zmd_error code = zmd_waits_next(get(), limit_ms, &raw);
        if (code == ZMD_ERR_TIMEOUT)
            return false;
        detail::check(code);
        // The strings of C belong to the last call of this thread, and are valid until the next one.
        event made;
        static_cast<result &>(made) = detail::outcome(job_of(raw), raw.error, raw.status,
                                                      zmd_last_error_of_job(0), zmd_last_error_code_of_job(0));
        detail::name_job(made, "call " + std::to_string(raw.id));
        made.id = raw.id;
        made.has_ended = raw.has_ended != 0;
        made.elapsed = std::chrono::milliseconds(raw.elapsed_ms);
        made.next_poll = std::chrono::milliseconds(raw.next_poll_ms);
        into = std::move(made);
        return true;
    }

    job job_of(const zmd_event &raw)
    {
        const std::lock_guard<std::mutex> lock(jobs_->mutex);
        const auto found = jobs_->jobs.find(raw.id);
        if (found == jobs_->jobs.end())
            return {};
        if (raw.has_ended == 0)
            return found->second;
        job named = std::move(found->second);
        jobs_->jobs.erase(found);
        return named;
    }

    // Declared before the handle, so it is destroyed after it: it may be called until then.
    std::shared_ptr<token_fn> provider_;
    std::unique_ptr<job_table> jobs_;
    detail::waits_handle handle_{};
};

} // namespace zmd

#endif // exceptions
#endif // ZMD_HPP
