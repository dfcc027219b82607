/**
 * @file
 * libzmd for C++11 and later: how far is a Zoho CRM mass-delete job?
 *
 * @code
 * try {
 *     zmd::client client;  // with the settings of the environment: ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...
 *     zmd::status status = client.wait("Leads", "1234567890", std::chrono::hours(4));
 *     std::cout << status.state_text << ": " << status.deleted_count << " deleted\n";
 * } catch (const zmd::error &failure) {
 *     std::cerr << failure.what() << '\n';
 * }
 * @endcode
 *
 * It is all in this header, on top of zmd.h, which has the rules behind it: link with `-lzmd`.
 *
 * What fails throws a zmd::error. Strings are UTF-8; one with a NUL character inside, which C would cut there, is
 * refused with an argument_error or, in a setting, a config_error.
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
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <zmd.h>

/** libzmd for C++. */
namespace zmd {

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

/** What the service says of a job. As it is made, it is that of no answer. */
struct status {
    zmd::state state = zmd::state::unknown; /**< How far the job is. */
    int http_status = 0;                    /**< The HTTP status of the answer; 0: there was none. */
    std::int64_t total_count = -1;          /**< Records that the job is to delete; -1: not reported. */
    std::int64_t deleted_count = -1;        /**< Records deleted so far; -1: not reported. */
    std::int64_t failed_count = -1;         /**< Records that could not be deleted so far; -1: not reported. */
    std::string state_text;                 /**< The service's word for the state, cut to 31 bytes; empty: no answer. */

    /**
     * Whether the job is over: completed or failed.
     *
     * @return false for a word that the library does not know, too. A wait ends with such a word when it has stood for
     *         five minutes and nothing has moved, or when the counts have reached the total.
     */
    bool has_ended() const noexcept
    {
        return state == zmd::state::completed || state == zmd::state::failed;
    }
};

/** Names a job. */
struct job {
    std::string module; /**< The module's API name, such as `"Leads"`; see client::status(). */
    std::string job_id; /**< The id that scheduling the mass delete answered. */
};

/** What came of asking for a job: its status, or an error. */
struct result {
    zmd::status status;      /**< The status; after an error but its http_status, and the last one that a wait saw. */
    zmd_error code = ZMD_OK; /**< The error's number; ZMD_OK: none. */
    std::string message;     /**< The error in one line: what went wrong, and what to do about it. */
    std::string api_code;    /**< The API's own code for the error, such as `"INVALID_TOKEN"`; empty: none. */

    /**
     * Whether there is no error.
     *
     * @return true if `status` is an answer
     */
    bool ok() const noexcept { return code == ZMD_OK; }

    /**
     * The status, for those who want errors thrown.
     *
     * @return the status
     * @throws error  of the family that `code` belongs to, if there is one
     */
    zmd::status get() const;
};

/** What one poll of a wait brought. After an error that may pass, the wait goes on. */
struct poll : result {
    std::size_t index = 0; /**< Of the job in the vector that is waited for; 0 in a wait for one. */
};

/**
 * Hears of a wait after every poll, on the thread that waits.
 *
 * true goes on; false ends the wait, as does an exception, which arrives at the caller of the wait. Either way the
 * client is as good as before, and this is not called again.
 */
using progress_fn = std::function<bool(const poll &)>;

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

/* Throws what the last call on this thread failed with. */
inline void check(zmd_error code)
{
    if (code == ZMD_OK)
        return;
    result failed = refusal(code, zmd_last_error());
    failed.api_code = zmd_last_error_code();
    raise(failed);
}

inline bool has_nul(const std::string &text) { return text.find('\0') != std::string::npos; }

inline result refusal_of_nul(zmd_error code, const std::string &name)
{
    return refusal(code, name + " has a NUL character in it, where C would cut it: leave it out");
}

inline void check_nul(const std::string &text, const char *name)
{
    if (has_nul(text))
        raise(refusal_of_nul(ZMD_ERR_INVALID_ARGUMENT, name));
}

inline result outcome(zmd_error code, const zmd_status &told, const char *message, const char *api_code)
{
    result came;
    came.status.state = static_cast<state>(told.state);
    came.status.http_status = told.http_status;
    came.status.total_count = told.total_count;
    came.status.deleted_count = told.deleted_count;
    came.status.failed_count = told.failed_count;
    came.status.state_text = told.state_text;
    came.code = code;
    came.message = message;
    came.api_code = api_code;
    return came;
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

struct free_handle {
    void operator()(zmd_config *handle) const noexcept { zmd_config_free(handle); }
    void operator()(zmd_client *handle) const noexcept { zmd_client_free(handle); }
};

using config_handle = std::unique_ptr<zmd_config, free_handle>;
using client_handle = std::unique_ptr<zmd_client, free_handle>;

/* Stands between C and a progress function for the time of a wait. */
class listener {
public:
    explicit listener(const progress_fn &hear) : hear_(hear) {}

    zmd_progress_fn callback() const noexcept { return hear_ ? tell : nullptr; }

    /* To be called when C has returned. */
    void rethrow() const
    {
        if (thrown_)
            std::rethrow_exception(thrown_);
    }

private:
    static std::int32_t tell(void *user_data, std::size_t index, std::int32_t code, const zmd_status *told) noexcept
    {
        listener &self = *static_cast<listener *>(user_data);
        try {
            poll heard;
            static_cast<result &>(heard) =
                outcome(static_cast<zmd_error>(code), *told, zmd_last_error(), zmd_last_error_code());
            heard.index = index;
            return self.hear_(heard) ? 0 : 1;
        } catch (...) {
            self.thrown_ = std::current_exception();
            return 1;
        }
    }

    const progress_fn &hear_;
    std::exception_ptr thrown_;
};

/* A call for many jobs, made by `call`. */
template <class Call>
std::vector<result> ask_many(const std::vector<job> &jobs, const Call &call)
{
    // A name with a NUL in it goes as NULL, which C refuses for that job alone, as it would any other bad name.
    const auto text = [](const std::string &name) { return has_nul(name) ? nullptr : name.c_str(); };
    std::vector<zmd_job> named;
    for (const job &each : jobs)
        named.push_back(zmd_job{text(each.module), text(each.job_id)});

    std::vector<zmd_status> statuses(jobs.size());
    std::vector<zmd_error> errors(jobs.size(), ZMD_OK);
    const zmd_error code = call(named.data(), named.size(), statuses.data(), errors.data());

    std::vector<result> results;
    bool is_a_jobs = false;
    for (std::size_t i = 0; i < jobs.size(); i++) {
        results.push_back(outcome(errors[i], statuses[i], zmd_last_error_of_job(i), zmd_last_error_code_of_job(i)));
        is_a_jobs = is_a_jobs || !results[i].message.empty();
    }
    if (!is_a_jobs)
        check(code);
    for (std::size_t i = 0; i < jobs.size(); i++)
        if (named[i].module == nullptr || named[i].job_id == nullptr)
            results[i] = refusal_of_nul(ZMD_ERR_INVALID_ARGUMENT, named[i].module == nullptr ? "module" : "job_id");
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
        } catch (...) {
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
     * Sets one setting. The README lists the keys, their defaults and what they take.
     *
     * @param key    a setting's name, such as `"access_token"` or `"timeout_ms"`
     * @param value  its value as text
     * @return this
     * @throws config_error    for a key that is unknown or a value that the key does not take; the configuration stays
     *                         as it was
     * @throws argument_error  for NULL
     */
    config &set(const std::string &key, const char *value)
    {
        if (detail::has_nul(key))
            detail::raise(detail::refusal_of_nul(ZMD_ERR_INVALID_CONFIG, "key"));
        detail::check(zmd_config_set(get(), key.c_str(), value));
        return *this;
    }

    /** @copydoc set(const std::string &, const char *) */
    config &set(const std::string &key, const std::string &value)
    {
        if (detail::has_nul(value))
            detail::raise(detail::refusal_of_nul(ZMD_ERR_INVALID_CONFIG, key));
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
    config &set(const std::string &key, Integer value)
    {
        return set(key, std::to_string(value));
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
    config &set(const std::string &key, const std::chrono::duration<Rep, Period> &value)
    {
        return set(key, detail::milliseconds(value));
    }

    /** No setting is a truth value, and true is no 1. */
    config &set(const std::string &, bool) = delete;

    /** A character is no number: '5' is not 5. */
    config &set(const std::string &, char) = delete;

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
    config &load_file(const std::string &path = std::string(), const std::string &profile = std::string())
    {
        if (detail::has_nul(path))
            detail::raise(detail::refusal_of_nul(ZMD_ERR_INVALID_CONFIG, "path"));
        if (detail::has_nul(profile))
            detail::raise(detail::refusal_of_nul(ZMD_ERR_INVALID_CONFIG, "profile"));
        detail::check(zmd_config_load_file(get(), path.empty() ? nullptr : path.c_str(),
                                           profile.empty() ? nullptr : profile.c_str()));
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

    std::shared_ptr<token_fn> provider_;
    detail::config_handle handle_;
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
    void set_access_token(const std::string &access_token)
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
    zmd::status status(const std::string &module, const std::string &job_id) const
    {
        check_names(module, job_id);
        zmd_status told;
        const zmd_error code = zmd_client_status(get(), module.c_str(), job_id.c_str(), &told);
        return detail::outcome(code, told, zmd_last_error(), zmd_last_error_code()).get();
    }

    /**
     * Asks how far each of many jobs is, with as many calls at once as the setting `max_concurrency` allows.
     *
     * @param jobs  the jobs; one may be there more than once
     * @return what came of each, in the order of the jobs. A job's error disturbs no other, and is not thrown.
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
     * It asks again and again, with pauses that it chooses by what each answer says of the progress. A failure that may
     * pass does not end the wait.
     *
     * @param module    as for status()
     * @param job_id    as for status()
     * @param limit     for the whole wait: a duration of any unit, which is rounded up to whole milliseconds.
     *                  zmd::no_timeout and all that is too long to count in 64 bits mean none. Zero or less, or what is
     *                  no number, is over at once: it asks once.
     * @param progress  called after every poll; nullptr: nobody is. With one, the wait has connections of its own.
     * @return the status with which it ended: completed, failed, or of a word that the library does not know
     * @throws zmd::timeout  when the limit ran out
     * @throws cancelled     after cancel(), and when `progress` returned false and the job had not ended by then
     * @throws error         of any family, if asking again will not mend it
     * @throws ...           what `progress` threw
     */
    template <class Rep, class Period>
    zmd::status wait(const std::string &module, const std::string &job_id,
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
    zmd::status wait(const std::string &module, const std::string &job_id, const progress_fn &progress = nullptr) const
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
     * @return what came of each, in the order of the jobs. A job's error disturbs no other, and is not thrown: at the
     *         limit the jobs that have not ended have ZMD_ERR_TIMEOUT, after cancel() or a `progress` that returned
     *         false ZMD_ERR_CANCELLED, and in `status` the last one seen.
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

    static void check_names(const std::string &module, const std::string &job_id)
    {
        detail::check_nul(module, "module");
        detail::check_nul(job_id, "job_id");
    }

    zmd::status wait_for(const std::string &module, const std::string &job_id, std::int64_t limit_ms,
                         const progress_fn &progress) const
    {
        check_names(module, job_id);
        detail::listener listener(progress);
        zmd_status told;
        const zmd_error code = zmd_client_wait(get(), module.c_str(), job_id.c_str(), limit_ms,
                                               listener.callback(), &listener, &told);
        listener.rethrow();
        return detail::outcome(code, told, zmd_last_error(), zmd_last_error_code()).get();
    }

    std::vector<result> wait_for_many(const std::vector<job> &jobs, std::int64_t limit_ms,
                                      const progress_fn &progress) const
    {
        detail::listener listener(progress);
        return detail::ask_many(jobs, [this, &listener, limit_ms](const zmd_job *named, std::size_t count,
                                                                  zmd_status *statuses, zmd_error *errors) {
            const zmd_error code = zmd_client_wait_many(get(), named, count, limit_ms, listener.callback(),
                                                        &listener, statuses, errors);
            listener.rethrow();
            return code;
        });
    }

    // In front of the handle: it is destroyed after it, and may be called until then.
    std::shared_ptr<token_fn> provider_;
    detail::client_handle handle_;
};

} // namespace zmd

#endif // exceptions
#endif // ZMD_HPP
