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
 * It is all in this header, on top of zmd.h, which has the rules behind it: link with `-lzmd`.
 *
 * What fails throws a zmd::error. Arguments that are text are a zmd::text: a `const char *`, a `std::string`, and since
 * C++17 a `std::string_view`, in UTF-8. One with a NUL character inside, which C would cut there, is refused with an
 * argument_error or, in a setting, a config_error; so is a NULL pointer.
 *
 * A zmd::client may be used by any number of threads at the same time, in all its functions; only moving, assigning
 * and destroying it take that nobody uses it. A zmd::config is for one thread at a time.
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
 * An argument that is text: functions take one, and a program passes a string of any type.
 *
 * It may refer to the string that it was made from, and is to be used no longer than that.
 */
class text {
public:
    /**
     * From a string of C.
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
     * From whatever converts to a `std::string`, such as a `std::filesystem::path`, or to a `std::string_view`. The
     * characters are copied, as C takes no string without a NUL behind it.
     *
     * @param value  UTF-8
     */
    template <class String, class = decltype(detail::copy_of(std::declval<const String &>())),
              class = typename std::enable_if<!std::is_same<String, std::string>::value &&
                                              !std::is_convertible<const String &, const char *>::value>::type>
    text(const String &value) : copy_(detail::copy_of(value)), data_(copy_.c_str()), size_(copy_.size())
    {
    }

    /** Not copied: it may refer to a string of its own. */
    text(const text &) = delete;

    /** Not copied, see above. */
    text &operator=(const text &) = delete;

    ~text() = default;

    /**
     * The characters, with a NUL behind them.
     *
     * @return what zmd.h takes; NULL if it was made from NULL
     */
    const char *c_str() const noexcept { return data_; }

    /**
     * A copy.
     *
     * @return the characters; empty if it was made from NULL
     */
    std::string str() const { return size_ == 0 ? std::string() : std::string(data_, size_); }

    /**
     * Whether there is a NUL character inside, where C would cut the string.
     *
     * @return always false for a string of C
     */
    bool has_nul() const noexcept { return size_ > 0 && std::memchr(data_, '\0', size_) != nullptr; }

private:
    std::string copy_{};
    const char *data_;
    std::size_t size_;
};

/** How far a job is. A newer library may know more states than these. */
enum class state : std::int32_t {
    unknown = ZMD_STATE_UNKNOWN,     /**< A word that the library does not know (see status::state_text), or none. */
    scheduled = ZMD_STATE_SCHEDULED, /**< The job has not begun. */
    running = ZMD_STATE_RUNNING,     /**< Records are being deleted. */
    completed = ZMD_STATE_COMPLETED, /**< The job is over. Records that it could not delete are still there. */
    failed = ZMD_STATE_FAILED,       /**< The job is over, and failed as a whole. */
    queued = ZMD_STATE_QUEUED,       /**< The job waits for its turn. */
    suspended = ZMD_STATE_SUSPENDED  /**< The job was interrupted, and is not over. */
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

/** What the service says of a job. As it is made, it is that of no answer. */
struct status {
    zmd::state state = zmd::state::unknown; /**< How far the job is. */
    int http_status = 0;                    /**< The HTTP status of the answer; 0: there was none. */
    std::int64_t total_count = -1;          /**< Records that the job is to delete; -1: not reported. */
    std::int64_t deleted_count = -1;        /**< Records deleted so far; -1: not reported. */
    std::int64_t failed_count = -1;         /**< Records that could not be deleted so far; -1: not reported. */
    std::string state_text{};               /**< The service's word for the state, cut to 31 bytes; empty: no answer. */
    std::string module{};                   /**< The job's module, as it was given; empty: of no job. */
    std::string job_id{};                   /**< The job's id, as it was given; empty: of no job. */

    /**
     * Whether the job is over: completed or failed.
     *
     * @return false for a word that the library does not know, too. A wait ends with such a word when it has stood for
     *         five minutes and nothing has moved, or when the counts have reached the total.
     */
    bool has_ended() const noexcept
    {
        const zmd_status told = numbers();
        return zmd_status_has_ended(&told) != 0;
    }

    /**
     * Whether the records are gone: the job is completed, none of them failed, and none is short of the total.
     *
     * @return true if so; a count that was not reported says nothing against it
     */
    bool is_successful() const noexcept
    {
        const zmd_status told = numbers();
        return zmd_status_is_successful(&told) != 0;
    }

private:
    zmd_status numbers() const noexcept
    {
        zmd_status told = zmd_status();
        told.state = static_cast<zmd_state>(state);
        told.http_status = http_status;
        told.total_count = total_count;
        told.deleted_count = deleted_count;
        told.failed_count = failed_count;
        return told;
    }
};

/**
 * Compares two statuses, with the job that they are of.
 *
 * @param left   one
 * @param right  the other
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
 * Compares two statuses, with the job that they are of.
 *
 * @param left   one
 * @param right  the other
 * @return whether any member differs
 */
inline bool operator!=(const status &left, const status &right) noexcept { return !(left == right); }

/** @cond */
namespace detail {

/* What comes from the service or a caller is printed without control characters, which a terminal would obey. */
inline std::string printable(std::string line)
{
    for (char &c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return line;
}

inline std::string line_of(const status &told)
{
    std::string line;
    if (!told.module.empty() || !told.job_id.empty())
        line += told.module + ' ' + told.job_id + ": ";
    line += told.state == state::unknown && !told.state_text.empty() ? told.state_text.c_str() : name(told.state);
    line += ", ";
    line += told.deleted_count < 0 ? "deleted not reported" : std::to_string(told.deleted_count);
    line += told.total_count < 0 ? "" : " of " + std::to_string(told.total_count);
    line += told.deleted_count < 0 ? "" : " deleted";
    line += told.total_count < 0 ? ", total not reported" : "";
    line += ", ";
    line += told.failed_count < 0 ? "failed not reported" : std::to_string(told.failed_count) + " failed";
    return printable(std::move(line));
}

} // namespace detail
/** @endcond */

/**
 * Writes a status to a stream, in one line without its end: `Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed`.
 *
 * @param stream  the stream
 * @param told    the status
 * @return the stream
 */
template <class Traits>
std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits> &stream, const status &told)
{
    return detail::print(stream, detail::line_of(told));
}

/** Names a job. */
struct job {
    std::string module; /**< The module's API name, such as `"Leads"`; see client::status(). */
    std::string job_id; /**< The id that scheduling the mass delete answered. */

    /** Names none. */
    job() : module(), job_id() {}

    /**
     * Names a job. The names are copied, and checked by the function that takes the job.
     *
     * @param of_module  the module's API name
     * @param id         the job's id
     */
    job(const text &of_module, const text &id) : module(of_module.str()), job_id(id.str()) {}
};

/** The result of asking for a job: its status, or an error. */
struct result {
    zmd::status status{};    /**< The status; after an error its job and http_status, and the last one that a wait saw. */
    zmd_error code = ZMD_OK; /**< The error's number; ZMD_OK: none. */
    std::string message{};   /**< The error in one line: what failed, and what to do. Of many jobs, it names its own. */
    std::string api_code{};  /**< The API's own code for the error, such as `"INVALID_TOKEN"`; empty: none. */

    /**
     * Whether there is no error.
     *
     * @return true if `status` is an answer
     */
    bool ok() const noexcept { return code == ZMD_OK; }

    /**
     * Whether the error is transient: the same call may succeed later.
     *
     * @return true for ZMD_ERR_DNS, _CONNECT, _NETWORK, _TIMEOUT, _RATE_LIMITED and _SERVER
     */
    bool is_transient() const noexcept { return zmd_error_is_transient(code) != 0; }

    /**
     * The status, for those who want errors thrown.
     *
     * @return the status
     * @throws error  of the family that `code` belongs to, if there is one
     */
    zmd::status get() const;
};

/** The result of one poll of a wait. After a transient error, the wait goes on. */
struct poll : result {
    std::size_t index = 0;               /**< Of the job in the vector that is waited for; 0 in a wait for one. */
    std::chrono::milliseconds elapsed{}; /**< Since the wait began. */
    std::chrono::milliseconds next_poll = std::chrono::milliseconds(-1); /**< Until this job's next poll. Negative:
                                                                              there is none, its wait has ended. */
};

/**
 * A function that is called after every poll of a wait, on the thread that waits.
 *
 * It is made from any function, function object or lambda that takes a `const zmd::poll &`. If that returns false, the
 * wait ends with zmd::cancelled; after true, or where it returns nothing, the wait goes on. What it throws ends the wait
 * too, and arrives at the caller of the wait. Either way the client is as good as before, and the function is not
 * called again.
 */
class progress_fn {
public:
    /** No function: nothing is called. */
    progress_fn() noexcept : call_() {}

    /** No function: nothing is called. */
    progress_fn(std::nullptr_t) noexcept : call_() {}

    /**
     * From something that returns true or false. An empty `std::function` and a NULL pointer are no function.
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
     * From something that returns nothing.
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
            call_ = [kept](const poll &told) {
                kept(told);
                return true;
            };
    }

    /** Whether there is a function. */
    explicit operator bool() const noexcept { return static_cast<bool>(call_); }

    /**
     * Calls the function.
     *
     * @param told  the result of a poll
     * @return whether the wait is to go on
     * @throws ...  what the function throws; std::bad_function_call if there is none
     */
    bool operator()(const poll &told) const { return call_(told); }

private:
    std::function<bool(const poll &)> call_;
};

/**
 * Takes a line of the log: its level (1 error, 2 warning, 3 info, 4 debug, 5 trace), and its text, which is valid
 * during the call.
 *
 * It is called on any thread, and on several at once. What it throws is dropped.
 */
using log_fn = std::function<void(int level, const char *message)>;

/**
 * Something failed; what() says in one line what, and what to do about it.
 *
 * The classes derived from it are the families of errors. An error that is of none, such as a bug in the library, or a
 * number that only a newer library knows, is of this class itself.
 */
class error : public std::runtime_error {
public:
    /**
     * Makes the exception for an error.
     *
     * @param failed  what it tells
     */
    explicit error(const result &failed)
        : std::runtime_error(failed.message), failed_(std::make_shared<const result>(failed))
    {
    }

    /**
     * Copies an exception, and throws nothing. There is no move: what was moved from would have nothing to tell.
     *
     * @param other  what to copy
     */
    error(const error &other) = default;

    /**
     * Copies an exception, and throws nothing.
     *
     * @param other  what to copy
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
     * @return never NULL; `""` where the error does not come from the API, or has no code. It lives as long as the
     *         exception.
     */
    const char *api_code() const noexcept { return failed_->api_code.c_str(); }

    /**
     * The HTTP status of the answer that failed; of a wait that timed out or was cancelled, that of its last status.
     *
     * @return the status; 0: there was no answer
     */
    int http_status() const noexcept { return failed_->status.http_status; }

    /**
     * The module of the job that the call was for, as it was given.
     *
     * @return the module, empty if the call was for no job; it lives as long as the exception
     */
    const std::string &module() const noexcept { return failed_->status.module; }

    /**
     * The id of the job that the call was for, as it was given.
     *
     * @return the id, empty if the call was for no job; it lives as long as the exception
     */
    const std::string &job_id() const noexcept { return failed_->status.job_id; }

    /**
     * Whether the error is transient: the same call may succeed later.
     *
     * @return true for ZMD_ERR_DNS, _CONNECT, _NETWORK, _TIMEOUT, _RATE_LIMITED and _SERVER
     */
    bool is_transient() const noexcept { return failed_->is_transient(); }

protected:
    /**
     * The status that came with the error.
     *
     * @return the status; it lives as long as the exception
     */
    const zmd::status &status() const noexcept { return failed_->status; }

private:
    // Shared, as copying an exception must not throw, and strings do.
    std::shared_ptr<const result> failed_;
};

/** An argument breaks its rule, or a handle was moved from: ZMD_ERR_NULL_POINTER, ZMD_ERR_INVALID_ARGUMENT. */
class argument_error : public error {
public:
    using error::error;
};

/** A setting is unknown, bad, or missing: ZMD_ERR_INVALID_CONFIG. */
class config_error : public error {
public:
    using error::error;
};

/** The service can't be reached: ZMD_ERR_DNS, _CONNECT, _TLS, _PROXY, _NETWORK. */
class network_error : public error {
public:
    using error::error;
};

/** A time limit ran out, that of a call or that of a wait: ZMD_ERR_TIMEOUT. */
class timeout : public error {
public:
    using error::error;

    /**
     * The last status that a wait saw.
     *
     * @return the status; that of no answer if there was none, or the call was no wait. It lives as long as the
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
     * @return the status; that of no answer if there was none, or the call was no wait. It lives as long as the
     *         exception.
     */
    const zmd::status &last_status() const noexcept { return status(); }
};

/** The service answered with an error: the numbers from 20 to 29, ZMD_ERR_UNAUTHORIZED and so on. */
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

/* Throws what the last call on this thread failed with, which was for this job. */
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
    return name + " has a NUL character in it, where C would cut it: leave it out";
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

/* The job that two arguments name, if C can take them. */
inline job job_of(const text &module, const text &job_id)
{
    job named(module, job_id);
    check_nul(module, "module", named);
    check_nul(job_id, "job_id", named);
    return named;
}

inline result outcome(const job &named, zmd_error code, const zmd_status &told, const char *message,
                      const char *api_code)
{
    result made;
    made.status.module = named.module;
    made.status.job_id = named.job_id;
    made.status.state = static_cast<state>(told.state);
    made.status.http_status = told.http_status;
    made.status.total_count = told.total_count;
    made.status.deleted_count = told.deleted_count;
    made.status.failed_count = told.failed_count;
    made.status.state_text = told.state_text;
    made.code = code;
    made.message = message;
    made.api_code = api_code;
    return made;
}

/* Has the message of one job of many name it: "Leads 1001: ...", or by its place where that is no name of a job. */
inline void name_job(result &failed, const std::string &place)
{
    const std::string named = failed.status.module + ' ' + failed.status.job_id;
    const std::size_t longest = 200; // a module's name has 100 characters at the most, an id 64
    const bool is_a_name = !failed.status.module.empty() && named.size() <= longest && printable(named) == named;
    if (!failed.message.empty())
        failed.message.insert(0, (is_a_name ? named : place) + ": ");
}

/* Whole milliseconds, rounded up; what is too long or too short for them is the longest or the shortest, and what is no
   number the shortest. */
template <class Rep, class Period>
std::int64_t milliseconds(const std::chrono::duration<Rep, Period> &time)
{
    // As a real number, which no duration overflows. A long double holds every count of 64 bits where it has 64 itself;
    // a floating duration stays as it is, as in a wider type 0.1 s would be a little more than 100 ms.
    using real = typename std::conditional<std::is_floating_point<Rep>::value, Rep, long double>::type;
    using limits = std::numeric_limits<std::int64_t>;
    const real count = std::ceil(std::chrono::duration<real, std::milli>(time).count());
    const real end = static_cast<real>(9.2e18); // shortly before that of 64 bits, which not every real type can tell
    if (count >= end)
        return (limits::max)();
    return count > -end ? static_cast<std::int64_t>(count) : (limits::min)();
}

/* The limit of a wait as C has it: negative is none, 0 asks once. */
template <class Rep, class Period>
std::int64_t limit(const std::chrono::duration<Rep, Period> &time)
{
    const std::int64_t count = milliseconds(time);
    if (count == (std::numeric_limits<std::int64_t>::max)())
        return -1;
    return count > 0 ? count : 0;
}

/* The limit of a call as C has it, for which negative would be the setting, and 0 is refused. */
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

/* Stands between C and a progress function for the time of a wait. */
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
    static std::int32_t call(void *user_data, std::size_t index, std::int32_t code, const zmd_status *told) noexcept
    {
        listener &self = *static_cast<listener *>(user_data);
        try {
            poll polled;
            static_cast<result &>(polled) =
                outcome(self.jobs_[index], static_cast<zmd_error>(code), *told, zmd_last_error(), zmd_last_error_code());
            if (self.is_for_many_)
                name_job(polled, place(index));
            polled.index = index;
            polled.elapsed = std::chrono::milliseconds(zmd_progress_elapsed_ms());
            polled.next_poll = std::chrono::milliseconds(zmd_progress_next_poll_ms());
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
std::vector<result> ask_many(const std::vector<job> &jobs, const Call &call)
{
    // A name with a NUL in it goes as NULL, which C refuses for that job alone, as it would any other bad name.
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
    logger *previous;

    static void write(void *user_data, std::int32_t level, const char *message) noexcept
    {
        try {
            static_cast<logger *>(user_data)->log(level, message);
        } catch (...) { // NOLINT(bugprone-empty-catch): nothing may unwind into C, and nobody else could be told
        }
    }

    /* The last one of all that there were: held here, they are no leak. */
    static std::atomic<logger *> &last() noexcept
    {
        static std::atomic<logger *> last_one(nullptr);
        return last_one;
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
 * Has the library tell what it is doing: token renewals, retries, connections, TLS.
 *
 * There is one logger in a process, for all clients; another call replaces it, also while calls run.
 *
 * @param log        takes the lines; nullptr turns logging off. It is kept as long as the process lives, because a
 *                   thread may be about to call it when it is replaced: set one now and then, not one for each call.
 *                   Code that can be unloaded turns logging off before, when no call is under way.
 * @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace; 0: nothing
 * @throws argument_error  for another level; the logger stays as it was
 */
inline void set_logger(log_fn log, int max_level = 3)
{
    if (!log)
        return detail::check(zmd_set_logger(nullptr, nullptr, 0));
    std::unique_ptr<detail::logger> made(new detail::logger{std::move(log), nullptr});
    detail::check(zmd_set_logger(detail::logger::write, made.get(), max_level));
    detail::logger *const kept = made.release();
    kept->previous = detail::logger::last().exchange(kept);
}

/** The value for the limit of a wait that says: none. */
constexpr std::chrono::milliseconds no_timeout = (std::chrono::milliseconds::max)();

/**
 * Gives an access token when one is needed.
 *
 * It is called on a thread of the library's own, one call at a time for a client, and may block: a call that needs the
 * token ends at its limit all the same. What it throws is an api_error of ZMD_ERR_OAUTH for that
 * call, with its words.
 *
 * @param refused  the access token that the service has refused; empty: there was none
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
        // One with a NUL in it, or too long, is no token: C is given what it refuses.
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

/** Settings for a client. Can be moved, not copied; one that was moved from is refused with an argument_error. */
class config {
public:
    /**
     * Makes one with the default of every setting.
     *
     * @throws error  if the library can't
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
     * @throws config_error    for a key that is unknown or a value that the key does not take; the configuration stays
     *                         as it was
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
     * Sets one setting that is a number.
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
     * Sets one setting that is a time, in milliseconds.
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

    /** No setting is a truth value, and true is no 1. */
    config &set(const text &, bool) = delete;

    /** A character is no number: '5' is not 5. */
    config &set(const text &, char) = delete;

    /**
     * Sets every setting whose environment variable is there and not empty: `ZMD_` and the key in upper case. No other
     * thread may change the environment meanwhile.
     *
     * @return this
     * @throws config_error  for the first variable with a value that its key does not take; the configuration stays as
     *                       it was
     */
    config &load_env()
    {
        detail::check(zmd_config_load_env(get()));
        return *this;
    }

    /**
     * Sets what a profile of a configuration file sets, but for the settings that set() or the environment has set.
     *
     * @param path     the file; empty: that of `ZMD_CONFIG_FILE`, or else the one at the usual place, if there is one
     * @param profile  the profile in it; empty: that of `ZMD_PROFILE`, or else `default`
     * @return this
     * @throws config_error  for a file that can't be read, that other users may read though it holds secrets, or that
     *                       has a mistake in it: what() tells the path, the line and the key. The configuration stays
     *                       as it was.
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
     * Has the clients that are made with this configuration ask a function for access tokens, such as one that reads them
     * from a vault. It counts as a credential.
     *
     * @param provide  the function, which the clients keep alive; nullptr: none any more
     * @return this configuration
     * @throws argument_error  if this one was moved from
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
     * @return the handle, which stays this object's; NULL after a move
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
 * Asks for the status of jobs.
 *
 * It keeps connections open between calls: make one, and share it between threads. Can be moved, not copied; the calls
 * of one that was moved from throw an argument_error.
 */
class client {
public:
    /**
     * Makes a client with the settings of the environment and the configuration file, as config::load_env() and
     * config::load_file() read them. Nothing is sent.
     *
     * @throws config_error  if a setting is missing or bad
     */
    client() { make(nullptr); }

    /**
     * Makes a client. Nothing is sent.
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
     * @throws argument_error  if it is no token; the old one stays
     */
    void set_access_token(const text &access_token)
    {
        detail::check_nul(access_token, "access_token");
        detail::check(zmd_client_set_access_token(get(), access_token.c_str()));
    }

    /**
     * Asks how far a job is, and blocks until the answer is there: for the setting `timeout_ms` at the most.
     *
     * @param module  the module's API name: a letter, then letters, digits and underscores, at most 100 characters
     * @param job_id  the `job_id` that scheduling the mass delete answered
     * @return the status; a job that failed is an answer, not an error
     * @throws error  of any family; argument_error before anything is sent
     */
    zmd::status status(const text &module, const text &job_id) const { return ask(module, job_id, -1); }

    /**
     * Asks how far a job is, with a limit of its own.
     *
     * @param module  as for the call without a limit
     * @param job_id  as for the call without a limit
     * @param limit   for the whole call, instead of the setting `timeout_ms`: a duration of any unit, which is rounded up
     *                to whole milliseconds
     * @return the status; a job that failed is an answer, not an error
     * @throws argument_error  also for a limit of zero or less, or one that is no number
     * @throws error           of any family
     */
    template <class Rep, class Period>
    zmd::status status(const text &module, const text &job_id, const std::chrono::duration<Rep, Period> &limit) const
    {
        return ask(module, job_id, detail::call_limit(limit));
    }

    /**
     * Asks how far each of many jobs is, with as many calls at once as the setting `max_concurrency` allows.
     *
     * @param jobs  the jobs; one may be there more than once
     * @return the result of each, in the order of the jobs. A job's error does not affect the others, and is not thrown.
     * @throws argument_error  if the client was moved from
     */
    std::vector<result> status_many(const std::vector<job> &jobs) const
    {
        return detail::ask_many(jobs, [this](const zmd_job *named, std::size_t count, zmd_status *statuses,
                                             zmd_error *errors) {
            return zmd_client_status_many(get(), named, count, statuses, errors);
        });
    }

    /**
     * Waits until a job has ended.
     *
     * It polls, with pauses that it chooses by the progress that each answer reports. A transient error does not end the
     * wait.
     *
     * @param module    as for status()
     * @param job_id    as for status()
     * @param limit     for the whole wait: a duration of any unit, which is rounded up to whole milliseconds.
     *                  zmd::no_timeout and all that is too long to count in 64 bits mean none. Zero or less, or what is
     *                  no number, is over at once: it asks once.
     * @param progress  called after every poll; nullptr: nothing is. With one, the wait has connections of its own.
     * @return the status with which it ended: completed, failed, or of a word that the library does not know
     * @throws zmd::timeout  when the limit ran out
     * @throws cancelled     after cancel(), and when `progress` returned false and the job had not ended by then
     * @throws error         of any family, if asking again will not mend it
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
     * Waits until many jobs have ended, each as wait() would, with as many calls at once as the setting
     * `max_concurrency` allows.
     *
     * @param jobs      the jobs; one may be there more than once
     * @param limit     for the whole wait, as for wait()
     * @param progress  as for wait(); it is called on the calling thread alone
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
     * @param jobs      the jobs; one may be there more than once
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
     * Cancels the client, for good: every call under way on it ends within 100 ms, and every later one at once, with
     * zmd::cancelled (those for many jobs with ZMD_ERR_CANCELLED in their results).
     *
     * @throws argument_error  if the client was moved from
     */
    void cancel() { detail::check(zmd_client_cancel(get())); }

    /**
     * The handle, for the functions of zmd.h.
     *
     * @return the handle, which stays this object's; NULL after a move
     */
    zmd_client *get() const noexcept { return handle_.get(); }

private:
    void make(const zmd_config *settings)
    {
        zmd_client *made = nullptr;
        detail::check(zmd_client_new(settings, &made));
        handle_.reset(made);
    }

    zmd::status ask(const text &module, const text &job_id, std::int64_t limit_ms) const
    {
        const job named = detail::job_of(module, job_id);
        zmd_status told;
        const zmd_error code = zmd_client_status_within(get(), module.c_str(), job_id.c_str(), limit_ms, &told);
        return detail::outcome(named, code, told, zmd_last_error(), zmd_last_error_code()).get();
    }

    zmd::status wait_for(const text &module, const text &job_id, std::int64_t limit_ms,
                         const progress_fn &progress) const
    {
        const job named = detail::job_of(module, job_id);
        detail::listener listener(progress, named);
        zmd_status told;
        const zmd_error code = zmd_client_wait(get(), module.c_str(), job_id.c_str(), limit_ms,
                                               listener.callback(), &listener, &told);
        listener.rethrow();
        return detail::outcome(named, code, told, zmd_last_error(), zmd_last_error_code()).get();
    }

    std::vector<result> wait_for_many(const std::vector<job> &jobs, std::int64_t limit_ms,
                                      const progress_fn &progress) const
    {
        detail::listener listener(progress, jobs);
        return detail::ask_many(jobs, [this, &listener, limit_ms](const zmd_job *named, std::size_t count,
                                                                  zmd_status *statuses, zmd_error *errors) {
            const zmd_error code = zmd_client_wait_many(get(), named, count, limit_ms, listener.callback(),
                                                        &listener, statuses, errors);
            listener.rethrow();
            return code;
        });
    }

    friend class waits;

    // In front of the handle: it is destroyed after it, and may be called until then.
    std::shared_ptr<token_fn> provider_{};
    detail::client_handle handle_{};
};

/** What zmd::waits::next() returns: the result of a poll, or of a whole call. */
struct event : result {
    std::uint64_t id = 0;                /**< Of the call: what waits::add() or waits::add_status() returned. */
    bool has_ended = false;              /**< The call has ended: `status` and `code` are its result, and there is no
                                              other event of this id. false: a poll, after which the wait goes on. */
    std::chrono::milliseconds elapsed{}; /**< Since the call was added. */
    std::chrono::milliseconds next_poll = std::chrono::milliseconds(-1); /**< Until its next poll. Negative: none. */
};

/**
 * Many calls at once without a thread for each: a completion queue.
 *
 * Calls are added, and next() returns what becomes of them, event by event:
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
 * However many they are, they take as many threads as the setting `max_concurrency` allows, and one. Any number of
 * threads may use all functions at the same time; only moving, assigning and destroying it take that nobody uses it. Can
 * be moved, not copied; the calls of one that was moved from throw an argument_error. After `fork()`, those of the child
 * throw one too. Destroying it ends all calls, within 100 ms.
 */
class waits {
public:
    /**
     * Makes one, without any calls.
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
     * Adds a wait, as client::wait() would do it.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @param limit   for the whole wait, as for client::wait()
     * @return its id, which no other call of this object has
     * @throws argument_error  for a bad name; nothing was added
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
     * Adds a call for the status, as client::status() would do it. It has one event.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @return its id, which no other call of this object has
     * @throws argument_error  for a bad name; nothing was added
     * @throws cancelled       after cancel() of this or of the client
     */
    std::uint64_t add_status(const text &module, const text &job_id)
    {
        return start(zmd_waits_add_status, module, job_id, -1);
    }

    /**
     * Adds a call for the status with a limit of its own.
     *
     * @param module  as for client::status()
     * @param job_id  as for client::status()
     * @param limit   for the whole call, as for client::status() with a limit
     * @return as for the call without a limit
     * @throws argument_error  also for a limit of zero or less, or one that is no number
     * @throws cancelled       as for the call without a limit
     */
    template <class Rep, class Period>
    std::uint64_t add_status(const text &module, const text &job_id, const std::chrono::duration<Rep, Period> &limit)
    {
        return start(zmd_waits_add_status, module, job_id, detail::call_limit(limit));
    }

    /**
     * Ends a call at once: its last event has ZMD_ERR_CANCELLED. The others go on.
     *
     * @param id  what add() or add_status() returned; of a call that has ended, or of none, nothing happens
     * @throws argument_error  if this was moved from
     */
    void remove(std::uint64_t id) { detail::check(zmd_waits_remove(get(), id)); }

    /**
     * Waits for the next event, without a limit: also where there is no call, as another thread may add one.
     *
     * @return the event; the error of its call is in it, and is not thrown
     * @throws cancelled       after cancel() of this or of the client, when every event has been returned
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
     * @param into   where to put the event
     * @param limit  a duration of any unit, which is rounded up to whole milliseconds; zero or less does not block
     * @return whether there was an event; otherwise `into` is as it was
     * @throws error  as next() without a limit
     */
    template <class Rep, class Period>
    bool next(event &into, const std::chrono::duration<Rep, Period> &limit)
    {
        return take(into, detail::limit(limit));
    }

    /**
     * How many calls there are whose last event next() has not returned.
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
     * Ends all calls, whose last events have ZMD_ERR_CANCELLED, and refuses later ones. The client is as good as before.
     *
     * @throws argument_error  if this was moved from
     */
    void cancel() { detail::check(zmd_waits_cancel(get())); }

    /**
     * The handle, for the functions of zmd.h. What they add has no job's name in its events, and does not count in
     * size().
     *
     * @return the handle, which stays this object's; NULL after a move
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
        // Held until the job is in the table: another thread may have its event before that.
        const std::lock_guard<std::mutex> lock(jobs_->mutex);
        std::uint64_t id = 0;
        detail::check(add_call(get(), module.c_str(), job_id.c_str(), limit_ms, &id), named);
        jobs_->jobs.emplace(id, named);
        return id;
    }

    bool take(event &into, std::int64_t limit_ms)
    {
        check_handle();
        zmd_event told;
        const zmd_error code = zmd_waits_next(get(), limit_ms, &told);
        if (code == ZMD_ERR_TIMEOUT)
            return false;
        detail::check(code);
        // C's texts are those of this thread's last call, and last until its next one.
        event made;
        static_cast<result &>(made) = detail::outcome(job_of(told), told.error, told.status,
                                                      zmd_last_error_of_job(0), zmd_last_error_code_of_job(0));
        detail::name_job(made, "call " + std::to_string(told.id));
        made.id = told.id;
        made.has_ended = told.has_ended != 0;
        made.elapsed = std::chrono::milliseconds(told.elapsed_ms);
        made.next_poll = std::chrono::milliseconds(told.next_poll_ms);
        into = std::move(made);
        return true;
    }

    job job_of(const zmd_event &told)
    {
        const std::lock_guard<std::mutex> lock(jobs_->mutex);
        const auto found = jobs_->jobs.find(told.id);
        if (found == jobs_->jobs.end())
            return {};
        if (told.has_ended == 0)
            return found->second;
        job named = std::move(found->second);
        jobs_->jobs.erase(found);
        return named;
    }

    // In front of the handle: it is destroyed after it, and may be called until then.
    std::shared_ptr<token_fn> provider_;
    std::unique_ptr<job_table> jobs_;
    detail::waits_handle handle_{};
};

} // namespace zmd

#endif // exceptions
#endif // ZMD_HPP
