/*
 * The C++ binding, as a program uses it. The environment names the stand-in server: ZMD_API_DOMAIN, ZMD_ACCESS_TOKEN
 * and, for https, ZMD_CA_FILE. It accepts no other token, and has the jobs Leads 1001, which is completed, and 1002, which
 * is running.
 */
#include "check.hpp"

#include <future>
#include <iomanip>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#ifdef ZMD_HAS_STRING_VIEW
#include <filesystem>
#endif

#include <unistd.h>

using ms = std::chrono::milliseconds;

/* ---- What the compiler knows ---- */

template <class Exception>
constexpr bool is_an_exception()
{
    return std::is_base_of<zmd::error, Exception>::value && std::is_nothrow_copy_constructible<Exception>::value &&
           std::is_nothrow_copy_assignable<Exception>::value;
}

static_assert(is_an_exception<zmd::error>() && is_an_exception<zmd::argument_error>() &&
                  is_an_exception<zmd::config_error>() && is_an_exception<zmd::network_error>() &&
                  is_an_exception<zmd::timeout>() && is_an_exception<zmd::cancelled>() &&
                  is_an_exception<zmd::stalled>() &&
                  is_an_exception<zmd::api_error>(),
              "every exception is a zmd::error, and copying one throws nothing");
static_assert(std::is_base_of<std::runtime_error, zmd::error>::value, "a zmd::error is a standard exception");

template <class Handle>
constexpr bool is_move_only()
{
    return !std::is_copy_constructible<Handle>::value && !std::is_copy_assignable<Handle>::value &&
           std::is_nothrow_move_constructible<Handle>::value && std::is_nothrow_move_assignable<Handle>::value;
}

static_assert(is_move_only<zmd::config>() && is_move_only<zmd::client>() && is_move_only<zmd::waits>(),
              "a handle has one owner");
static_assert(!std::is_convertible<zmd::config, zmd::client>::value, "no client is made by the way");

template <class Value>
auto takes(int) -> decltype(std::declval<zmd::config &>().set("key", std::declval<Value>()), std::true_type());
template <class Value>
std::false_type takes(...);

static_assert(decltype(takes<int>(0))::value && decltype(takes<unsigned long long>(0))::value &&
                  decltype(takes<signed char>(0))::value && decltype(takes<std::string>(0))::value &&
                  decltype(takes<const char *>(0))::value && decltype(takes<std::chrono::hours>(0))::value &&
                  decltype(takes<std::chrono::duration<double>>(0))::value,
              "a setting is text, an integer or a time");
static_assert(!decltype(takes<bool>(0))::value && !decltype(takes<char>(0))::value &&
                  !decltype(takes<double>(0))::value && !decltype(takes<int *>(0))::value,
              "and nothing else");

/* Whether a function is one that a wait takes. */
template <class Function>
constexpr bool is_progress()
{
    return std::is_convertible<Function, zmd::progress_fn>::value;
}

static_assert(is_progress<bool (*)(const zmd::poll &)>() && is_progress<void (*)(zmd::poll)>() &&
                  is_progress<std::function<void(const zmd::result &)>>() && is_progress<std::nullptr_t>(),
              "progress functions return a truth value, or nothing");
static_assert(!is_progress<std::string (*)(const zmd::poll &)>() && !is_progress<void (*)()>() &&
                  !is_progress<void (*)(zmd::poll &)>() && !is_progress<ms>() && !is_progress<int>(),
              "and nothing else");

/* ---- States and versions ---- */

static void states_have_names()
{
    CHECK(zmd::name(zmd::state::running) == std::string("RUNNING"));
    CHECK(zmd::name(static_cast<zmd::state>(4711)) == std::string("UNKNOWN"));
    CHECK(static_cast<std::int32_t>(zmd::state::failed) == static_cast<std::int32_t>(ZMD_STATE_FAILED));
    CHECK(zmd::version() == std::string(zmd_version()));
}

static void a_status_as_it_is_made_is_no_answer()
{
    zmd::status status;

    CHECK(status.state == zmd::state::unknown && status.http_status == 0 && status.state_text.empty());
    CHECK(status.total_count == -1 && status.deleted_count == -1 && status.failed_count == -1);
    CHECK(!status.has_ended() && !status.is_successful() && status.module.empty() && status.job_id.empty());
}

static zmd::status made(zmd::state state, std::int64_t total, std::int64_t deleted, std::int64_t failed)
{
    zmd::status status;
    status.state = state;
    status.total_count = total;
    status.deleted_count = deleted;
    status.failed_count = failed;
    return status;
}

static void success_is_that_the_records_are_gone()
{
    using zmd::state;

    CHECK(made(state::completed, 9, 9, 0).is_successful() && made(state::completed, -1, -1, -1).is_successful());
    CHECK(!made(state::completed, 9, 8, 0).is_successful() && !made(state::completed, -1, 8, 1).is_successful());
    CHECK(!made(state::failed, 9, 9, 0).is_successful() && !made(state::running, 9, 9, 0).is_successful());
    for (const state each : {state::unknown, state::scheduled, state::running, state::queued, state::suspended})
        CHECK(!made(each, 9, 9, 0).has_ended());
    CHECK(made(state::completed, 9, 9, 0).has_ended() && made(state::failed, 9, 0, 0).has_ended());
}

static void statuses_are_compared()
{
    const zmd::status one = made(zmd::state::running, 9, 4, 0);
    CHECK(one == made(zmd::state::running, 9, 4, 0) && !(one != made(zmd::state::running, 9, 4, 0)));

    std::vector<zmd::status> others(8, one);
    others[0].state = zmd::state::queued;
    others[1].http_status = 200;
    others[2].total_count = 8;
    others[3].deleted_count = 5;
    others[4].failed_count = 1;
    others[5].state_text = "RUNNING";
    others[6].module = "Leads";
    others[7].job_id = "1001";
    for (const zmd::status &other : others)
        CHECK(one != other && !(one == other));
}

template <class Value>
static std::string written(const Value &value)
{
    std::ostringstream stream;
    stream << std::setw(20) << std::left << value << '|';
    return stream.str();
}

static void statuses_are_written_to_streams()
{
    zmd::status status = made(zmd::state::completed, 9, 7, 2);

    CHECK(written(zmd::state::suspended) == "SUSPENDED           |");
    CHECK(written(status) == "COMPLETED, 7 of 9 deleted, 2 failed|");
    status.module = "Leads";
    status.job_id = "1\x1b[31m";
    CHECK(written(status) == "Leads 1?[31m: COMPLETED, 7 of 9 deleted, 2 failed|");
    status = made(zmd::state::unknown, -1, 7, -1);
    CHECK(written(status) == "UNKNOWN, 7 deleted, total not reported, failed not reported|");
    status.state_text = "PAUSED\n";
    CHECK(written(status) == "PAUSED, 7 deleted, total not reported, failed not reported|");
    CHECK(status.text() == "PAUSED, 7 deleted, total not reported, failed not reported");
    CHECK(written(made(zmd::state::queued, 5, -1, 0)) == "QUEUED, deleted not reported of 5, 0 failed|");
}

/* ---- Text ---- */

struct a_name {
    operator std::string() const { return "Leads"; }
};

static void text_of_any_type()
{
    const zmd::client client(settings());
    const char id[] = "1001";
    const std::string module = "Leads";

    CHECK(client.status(module, id).deleted_count == 9 && client.status(a_name(), std::string(id)).deleted_count == 9);
    CHECK(client.status_many({{module, id}, {a_name(), id}})[1].ok());
#ifdef ZMD_HAS_STRING_VIEW
    const std::string_view line = "Leads 1001\n";
    CHECK(client.status(line.substr(0, 5), line.substr(6, 4)).deleted_count == 9);
    CHECK(client.wait(line.substr(0, 5), "1001", zmd::no_timeout).deleted_count == 9);
    CHECK(client.status_many({{line.substr(0, 5), line.substr(6, 4)}})[0].ok());
    THROWN(zmd::argument_error, client.status(std::string_view("Leads\0DROP", 10), "1001"));
    THROWN(zmd::argument_error, client.status(std::string_view(), "1001"));
    zmd::config config;
    config.set(std::string_view("timeout_ms?").substr(0, 10), std::string_view("1000?").substr(0, 4));
    THROWN(zmd::config_error, config.load_file(std::filesystem::path("/nowhere") / "zmd.toml"));
#endif
}

static void null_is_refused()
{
    zmd::client client;
    const char *const null = nullptr;

    check_error(THROWN(zmd::argument_error, client.status(null, "1001")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait("Leads", null)), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.set_access_token(null)), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, zmd::config().set(null, 1)), ZMD_ERR_NULL_POINTER, 0, "");
}

/* ---- Settings ---- */

static void settings_are_set()
{
    zmd::config config;
    zmd::config &same = config.set("timeout_ms", "30000")
                            .set("data_center", std::string("eu"))
                            .set("max_retries", 0)
                            .set("max_concurrency", 100ULL)
                            .set("timeout_ms", std::chrono::hours(24))
                            .set("connect_timeout_ms", std::chrono::duration<double>(0.25));

    CHECK(&same == &config && config.get() != nullptr);
}

static void bad_settings_are_refused()
{
    zmd::config config;
    using std::chrono::duration;

    check_error(THROWN(zmd::config_error, config.set("no_such_key", 1)), ZMD_ERR_INVALID_CONFIG, 0, "");
    CHECK(contains(THROWN(zmd::config_error, config.set("max_retries", -1)).what(), "max_retries"));
    check_error(THROWN(zmd::argument_error, config.set("ca_file", nullptr)), ZMD_ERR_NULL_POINTER, 0, "");
    // A day and a nanosecond is more than a day.
    THROWN(zmd::config_error, config.set("timeout_ms", std::chrono::hours(24) + std::chrono::nanoseconds(1)));
    THROWN(zmd::config_error, config.set("timeout_ms", ms(0)));
    THROWN(zmd::config_error, config.set("timeout_ms", ms(-1)));
    THROWN(zmd::config_error, config.set("timeout_ms", zmd::no_timeout));
    THROWN(zmd::config_error, config.set("timeout_ms", (std::chrono::hours::max)()));
    THROWN(zmd::config_error, config.set("timeout_ms", (std::chrono::hours::min)()));
    THROWN(zmd::config_error, config.set("timeout_ms", duration<double>(std::numeric_limits<double>::infinity())));
    THROWN(zmd::config_error, config.set("max_retries", duration<double>(std::numeric_limits<double>::quiet_NaN())));
    THROWN(zmd::config_error, zmd::client{config}); // there is no credential
}

static void a_nul_character_is_never_cut_at()
{
    const std::string cut("Leads\0DROP", 10);
    const std::string token = std::string(getenv("ZMD_ACCESS_TOKEN")) + '\0';
    zmd::config config;
    zmd::client client(settings());

    CHECK(contains(THROWN(zmd::argument_error, client.status(cut, "1001")).what(), "module"));
    CHECK(contains(THROWN(zmd::argument_error, client.wait("Leads", std::string("1001\0", 5))).what(), "job_id"));
    CHECK(contains(THROWN(zmd::argument_error, client.set_access_token(token)).what(), "access_token"));
    CHECK(contains(THROWN(zmd::config_error, config.set("access_token", token)).what(), "access_token"));
    CHECK(!contains(THROWN(zmd::config_error, config.set("access_token", token)).what(), token.c_str()));
    CHECK(contains(THROWN(zmd::config_error, config.set(std::string("proxy\0x", 7), "none")).what(), "key"));
    check_error(THROWN(zmd::argument_error, client.status(cut, "1001")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
}

/* ---- Handles ---- */

static void handles_are_moved()
{
    zmd::config config = settings();
    zmd::config moved_config(std::move(config));
    zmd::client client(moved_config);
    zmd::client moved(std::move(client));
    zmd::client other(moved_config);

    CHECK(moved.status("Leads", "1001").deleted_count == 9);
    other = std::move(moved);
    CHECK(other.status("Leads", "1001").deleted_count == 9 && other.get() != nullptr);

    // What was moved from refuses everything, and can be destroyed, or given another value.
    check_error(THROWN(zmd::argument_error, config.set("proxy", "none")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, config.load_env()), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, config.load_file()), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, zmd::client{config}), ZMD_ERR_NULL_POINTER, 0, "");
    const zmd::progress_fn go_on = [](const zmd::poll &) { return true; };
    check_error(THROWN(zmd::argument_error, client.status("Leads", "1001")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait("Leads", "1001")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait("Leads", "1001", go_on)), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.status_many({})), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.status_many({{"Leads", "1001"}})), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait_many({{"Leads", "1001"}})), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait_many({}, go_on)), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.set_access_token("token")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, client.cancel()), ZMD_ERR_NULL_POINTER, 0, "");
    CHECK(client.get() == nullptr && config.get() == nullptr);
    client = zmd::client();
    CHECK(client.status("Leads", "1001").deleted_count == 9);
}

static void a_client_copies_its_settings()
{
    std::unique_ptr<zmd::config> config(new zmd::config(settings()));
    zmd::client client(*config);

    config.reset();
    CHECK(client.status("Leads", "1001").state == zmd::state::completed);
}

/* ---- Answers and errors ---- */

static void a_job_is_told_as_the_server_has_it()
{
    const zmd::client client;
    const zmd::status status = client.status("Leads", " 1001 ");

    CHECK(status.state == zmd::state::completed && status.state_text == "COMPLETED" && status.http_status == 200);
    CHECK(status.total_count == 9 && status.deleted_count == 9 && status.failed_count == 0);
    CHECK(status.has_ended() && !client.status("Leads", "1002").has_ended());
    CHECK(status.is_successful() && status.module == "Leads" && status.job_id == " 1001 "); // as it was given
}

static void errors_know_their_job()
{
    zmd::client client(settings());
    const auto is_of = [](const zmd::error &error, const std::string &module, const std::string &job_id) {
        return error.module() == module && error.job_id() == job_id;
    };

    CHECK(is_of(THROWN(zmd::api_error, client.status("Leads", "4711")), "Leads", "4711"));
    CHECK(is_of(THROWN(zmd::argument_error, client.status("Sales Orders", "1")), "Sales Orders", "1"));
    CHECK(is_of(THROWN(zmd::argument_error, client.wait("Leads", std::string("1\0", 2))), "Leads", std::string("1\0", 2)));
    const zmd::timeout late = THROWN(zmd::timeout, client.wait("Leads", "1002", ms(0)));
    CHECK(is_of(late, "Leads", "1002") && late.last_status().module == "Leads" && late.is_transient());
    CHECK(is_of(THROWN(zmd::api_error, client.status_many({{"Leads", "4711"}})[0].get()), "Leads", "4711"));
    CHECK(is_of(THROWN(zmd::config_error, zmd::config().set("no_such_key", 1)), "", ""));
}

static void errors_are_transient_or_not()
{
    zmd::result result;
    std::string transient;

    CHECK(!result.is_transient());
    for (int number = 1; number < 100; number++) {
        result.code = static_cast<zmd_error>(number);
        if (result.is_transient() && zmd::error(result).is_transient())
            transient += std::to_string(number) + ' ';
    }
    CHECK_MSG(transient == "10 11 13 14 15 25 26 ", "%s", transient.c_str());
}

static void bad_arguments()
{
    zmd::client client;

    check_error(THROWN(zmd::argument_error, client.status("Sales Orders", "1")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
    check_error(THROWN(zmd::argument_error, client.status("Leads", "")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
    check_error(THROWN(zmd::argument_error, client.set_access_token("")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
    check_error(THROWN(zmd::argument_error, client.wait("L\xff", "1")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
}

static void a_huge_argument()
{
    const std::string huge(10 << 20, 'a');
    zmd::client client;

    CHECK(strlen(THROWN(zmd::argument_error, client.status(huge, "1001")).what()) < 4096);
    CHECK(strlen(THROWN(zmd::argument_error, client.wait("Leads", huge, ms(0))).what()) < 4096);
    const std::vector<zmd::result> results = client.status_many({{huge, huge}, {"Leads", "1001"}});
    CHECK(results[0].code == ZMD_ERR_INVALID_ARGUMENT && results[1].ok());
}

static void errors_of_the_network()
{
    char url[URL_SIZE];
    const int reserved = reserve_dead_url(url);
    const auto failure = [](zmd::config &config) {
        config.set("max_retries", 0);
        return THROWN(zmd::network_error, zmd::client(config).status("Leads", "1001"));
    };
    zmd::config unknown_host = settings(), dead = settings(), plain = settings(), dead_proxy = settings();

    check_error(failure(unknown_host.set("api_domain", "https://nowhere.invalid").set("proxy", "none")), ZMD_ERR_DNS, 0,
                "");
    check_error(failure(dead.set("api_domain", url)), ZMD_ERR_CONNECT, 0, "");
    dead_proxy.set("api_domain", "https://nowhere.invalid");
    check_error(failure(dead_proxy.set("proxy", url)), ZMD_ERR_PROXY, 0, "");
    const std::string domain = getenv("ZMD_API_DOMAIN");
    if (domain.compare(0, 5, "http:") == 0) // it has no TLS
        check_error(failure(plain.set("api_domain", "https:" + domain.substr(5))), ZMD_ERR_TLS, 0, "");
    close(reserved);

    zmd::config once = settings();
    once.set("max_retries", 0);
    zmd::client client(once);
    check_error(THROWN(zmd::network_error, client.status("Leads", "fault-reset")), ZMD_ERR_NETWORK, 0, "");
    check_error(THROWN(zmd::network_error, client.status("Leads", "fault-truncate-body")), ZMD_ERR_NETWORK, 200, "");
}

static void errors_of_the_api()
{
    const struct {
        const char *job_id;
        zmd_error code;
        int http_status;
        const char *api_code;
    } expected[] = {
        {"error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, 401, "INVALID_TOKEN"},
        {"error-OAUTH_SCOPE_MISMATCH", ZMD_ERR_SCOPE, 401, "OAUTH_SCOPE_MISMATCH"},
        {"error-NO_PERMISSION", ZMD_ERR_FORBIDDEN, 403, "NO_PERMISSION"},
        {"error-INVALID_MODULE", ZMD_ERR_INVALID_MODULE, 400, "INVALID_MODULE"},
        {"error-404", ZMD_ERR_JOB_NOT_FOUND, 404, ""},
        {"error-TOO_MANY_REQUESTS", ZMD_ERR_RATE_LIMITED, 429, "TOO_MANY_REQUESTS"},
        {"error-INTERNAL_ERROR", ZMD_ERR_SERVER, 500, "INTERNAL_ERROR"},
        {"error-REQUIRED_PARAM_MISSING", ZMD_ERR_API, 400, "REQUIRED_PARAM_MISSING"},
        {"error-redirect", ZMD_ERR_BAD_RESPONSE, 302, ""},
    };
    zmd::config once = settings();
    once.set("max_retries", 0);
    zmd::client client(once);

    for (const auto &row : expected)
        check_error(THROWN(zmd::api_error, client.status("Leads", row.job_id)), row.code, row.http_status,
                    row.api_code);
    check_error(THROWN(zmd::api_error, client.wait("Leads", "error-404", std::chrono::hours(4))), ZMD_ERR_JOB_NOT_FOUND, 404,
                "");

    zmd::config renewing;
    renewing.set("api_domain", getenv("ZMD_API_DOMAIN")).set("accounts_url", getenv("ZMD_API_DOMAIN"));
    renewing.set("refresh_token", "1000.refresh").set("client_id", "1000.ID").set("client_secret", "s3cret");
    if (const char *ca_file = getenv("ZMD_CA_FILE"))
        renewing.set("ca_file", ca_file);
    const zmd::api_error refused = THROWN(zmd::api_error, zmd::client(renewing).status("Leads", "1001"));
    CHECK(refused.code() == ZMD_ERR_OAUTH && refused.api_code()[0] != '\0');
}

static void every_number_has_its_family()
{
    for (int number = -1; number <= 120; number++) {
        zmd::result result;
        result.code = static_cast<zmd_error>(number);
        result.message = "so it is";
        result.status.http_status = 7;
        const auto get = [&] { result.get(); };
        if (number == 0)
            get();
        else if (number == 1 || number == 2)
            thrown<zmd::argument_error>(number, get);
        else if (number == 3)
            thrown<zmd::config_error>(number, get);
        else if (number >= 10 && number <= 14)
            thrown<zmd::network_error>(number, get);
        else if (number == 15)
            thrown<zmd::timeout>(number, get);
        else if (number == 16)
            thrown<zmd::cancelled>(number, get);
        else if (number == 17)
            thrown<zmd::stalled>(number, get);
        else if (number >= 20 && number <= 29)
            thrown<zmd::api_error>(number, get);
        else
            check_error(thrown<zmd::error>(number, get), static_cast<zmd_error>(number), 7, "");
    }
}

static void an_exception_outlives_everything()
{
    std::unique_ptr<zmd::error> kept;
    {
        zmd::client client;
        zmd::api_error caught = THROWN(zmd::api_error, client.status("Leads", "error-NO_PERMISSION"));
        kept.reset(new zmd::error(caught));
        zmd::api_error moved(std::move(caught));
        check_error(caught, ZMD_ERR_FORBIDDEN, 403, "NO_PERMISSION"); // also when it was moved from
        client.status("Leads", "1001");
    }
    check_error(*kept, ZMD_ERR_FORBIDDEN, 403, "NO_PERMISSION");
    CHECK(contains(kept->what(), "NO_PERMISSION"));
}

static void another_access_token()
{
    zmd::client client;

    client.set_access_token("another");
    check_error(THROWN(zmd::api_error, client.status("Leads", "1001")), ZMD_ERR_UNAUTHORIZED, 401, "INVALID_TOKEN");
    client.set_access_token(getenv("ZMD_ACCESS_TOKEN"));
    CHECK(client.status("Leads", "1001").http_status == 200);
}

/* ---- Limits ---- */

static void a_call_has_its_limit()
{
    zmd::config config = settings();
    zmd::client client(config.set("timeout_ms", ms(1000)));
    const zmd::timeout silent = THROWN(zmd::timeout, client.status("Leads", "fault-stall-before-header"));
    const zmd::timeout halting = THROWN(zmd::timeout, client.status("Leads", "fault-stall-in-body"));

    check_error(silent, ZMD_ERR_TIMEOUT, 0, "");
    check_error(halting, ZMD_ERR_TIMEOUT, 200, "");
    CHECK(halting.last_status().state == zmd::state::unknown && halting.last_status().total_count == -1);
}

static void a_call_has_a_limit_of_its_own()
{
    zmd::config config = settings();
    zmd::client client(config.set("timeout_ms", std::chrono::minutes(10)));
    const double begin = milliseconds();

    THROWN(zmd::timeout, client.status("Leads", "fault-stall-before-header", std::chrono::microseconds(300001)));
    CHECK(milliseconds() - begin >= 300 && milliseconds() - begin < 300000);
    CHECK(client.status("Leads", "1001", zmd::no_timeout).deleted_count == 9);
    CHECK(client.status("Leads", "1001", std::chrono::duration<double>(20.5)).deleted_count == 9);
    for (const ms bad : {ms(0), ms(-1), (ms::min)()})
        check_error(THROWN(zmd::argument_error, client.status("Leads", "1001", bad)), ZMD_ERR_INVALID_ARGUMENT, 0, "");
    const std::chrono::duration<double> no_number(std::numeric_limits<double>::quiet_NaN());
    THROWN(zmd::argument_error, client.status("Leads", "1001", no_number));
}

static void a_wait_has_its_limit()
{
    zmd::client client(settings());
    client.status("Leads", "1001"); // connected, it can poll in time
    const double begin = milliseconds();
    const zmd::timeout late = THROWN(zmd::timeout, client.wait("Leads", "1002", std::chrono::microseconds(500001)));

    CHECK(milliseconds() - begin >= 490);
    CHECK_MSG(contains(late.what(), "within 501 ms"), "%s", late.what());
    CHECK(late.last_status().state == zmd::state::running && late.last_status().total_count == 50000);
    const zmd::timeout unseen = THROWN(zmd::timeout, client.wait("Leads", "error-INTERNAL_ERROR", ms(0)));
    CHECK(unseen.last_status().state == zmd::state::unknown && unseen.http_status() == 500);
}

static void what_is_over_at_once_asks_once()
{
    using std::chrono::duration;
    zmd::client client(settings());
    int polls = 0;
    const zmd::progress_fn count = [&](const zmd::poll &) { return ++polls > 0; };

    THROWN(zmd::timeout, client.wait("Leads", "1002", ms(0), count));
    THROWN(zmd::timeout, client.wait("Leads", "1002", ms(-5), count));
    THROWN(zmd::timeout, client.wait("Leads", "1002", std::chrono::nanoseconds(-1), count));
    THROWN(zmd::timeout, client.wait("Leads", "1002", (std::chrono::hours::min)(), count));
    const duration<double> no_number(std::numeric_limits<double>::quiet_NaN());
    THROWN(zmd::timeout, client.wait("Leads", "1002", no_number, count));
    THROWN(zmd::timeout, client.wait("Leads", "1002", duration<float>(-std::numeric_limits<float>::infinity()), count));
    CHECK(polls == 6);
    CHECK(client.wait("Leads", "1001", ms(0)).has_ended());
}

template <class Duration>
static void check_is_long(const Duration &limit)
{
    zmd::client client(settings());
    int polls = 0;
    const auto three_times = [&](const zmd::poll &) { return ++polls < 3; };

    THROWN(zmd::cancelled, client.wait("Leads", "1002", limit, three_times));
    CHECK(polls == 3);
}

static void limits_of_any_length()
{
    using std::chrono::duration;

    check_is_long(std::chrono::hours(4));
    check_is_long((std::chrono::hours::max)());
    check_is_long((std::chrono::nanoseconds::max)());
    check_is_long(duration<unsigned long long, std::ratio<1001, 30000>>(~0ULL));
    check_is_long(duration<double>(3600.5));
    check_is_long((duration<double>::max)());
    check_is_long(duration<long double>(std::numeric_limits<long double>::infinity()));
    check_is_long(zmd::no_timeout);

    CHECK(zmd::detail::milliseconds(std::chrono::nanoseconds(1)) == 1);
    CHECK(zmd::detail::milliseconds(std::chrono::nanoseconds(-1)) == 0);
    CHECK(zmd::detail::milliseconds(std::chrono::nanoseconds(1000001)) == 2);
    CHECK(zmd::detail::milliseconds(duration<double>(0.1)) == 100);
    CHECK(zmd::detail::milliseconds(duration<float>(0.1F)) == 100);
    CHECK(zmd::detail::milliseconds(duration<double, std::milli>(1.25)) == 2);
    CHECK(zmd::detail::milliseconds(duration<int, std::ratio<1, 3>>(1)) == 334);
    CHECK(zmd::detail::milliseconds(std::chrono::hours(1000000)) == 3600000000000);
    CHECK(zmd::detail::milliseconds((ms::min)()) == (std::numeric_limits<std::int64_t>::min)());
    CHECK(zmd::detail::limit(ms::max()) == -1);
    CHECK(zmd::detail::limit((std::chrono::nanoseconds::max)()) == 9223372036855);
}

/* ---- Progress ---- */

struct not_a_standard_exception {
    int value;
    const void *where;
};

static void check_works(zmd::client &client)
{
    CHECK(client.status("Leads", "1001").has_ended());
    CHECK(client.wait("Leads", "1001").has_ended());
}

static void progress_hears_of_the_polls()
{
    zmd::client client(settings());
    std::vector<zmd::poll> polls;
    const auto thread = std::this_thread::get_id();
    const auto keep = [&](const zmd::poll &poll) {
        CHECK(std::this_thread::get_id() == thread);
        polls.push_back(poll);
        return true;
    };

    CHECK(client.wait("Leads", "1001", keep).deleted_count == 9);
    CHECK(polls.size() == 1 && polls[0].ok() && polls[0].index == 0 && polls[0].get().deleted_count == 9);
    client.wait_many({{"Leads", "1001"}, {"Leads", "4711"}}, keep);
    CHECK(polls.size() == 3 && polls[1].index + polls[2].index == 1);
    const zmd::poll &missing = polls[1].index == 1 ? polls[1] : polls[2];
    CHECK(missing.code == ZMD_ERR_JOB_NOT_FOUND && contains(missing.message, "4711"));
    CHECK(THROWN(zmd::api_error, missing.get()).what() == missing.message);
}

static void progress_may_return_nothing()
{
    zmd::client client(settings());
    int polls = 0;
    const std::function<void(const zmd::poll &)> none;

    CHECK(client.wait("Leads", "1001", [&](const zmd::poll &) { polls++; }).has_ended());
    CHECK(client.wait("Leads", "1001", std::chrono::minutes(1), [&](const zmd::result &) { polls++; }).has_ended());
    THROWN(zmd::timeout, client.wait("Leads", "1002", ms(0), [&](zmd::poll) { polls++; }));
    client.wait_many({{"Leads", "1001"}, {"Leads", "4711"}}, [&](const zmd::poll &) { polls++; });
    CHECK_MSG(polls == 5, "%d", polls);
    THROWN(std::logic_error, client.wait("Leads", "1002", [](const zmd::poll &) { throw std::logic_error("mine"); }));
    CHECK(client.wait("Leads", "1001", none).has_ended());
    CHECK(!zmd::progress_fn(none) && !zmd::progress_fn(nullptr) && !zmd::progress_fn(std::function<bool(zmd::poll)>()));
}

static void polls_tell_their_job_and_times()
{
    zmd::config config = settings();
    zmd::client client(config.set("poll_min_ms", 50).set("poll_max_ms", 50));
    std::vector<zmd::poll> polls;

    client.wait_many({{"Leads", "1002"}, {"Leads", "4711"}}, [&](const zmd::poll &poll) {
        polls.push_back(poll);
        return polls.size() < 5;
    });
    for (const zmd::poll &poll : polls) {
        CHECK(poll.status.module == "Leads" && poll.status.job_id == (poll.index == 0 ? "1002" : "4711"));
        CHECK(poll.index == 0 ? poll.next_poll > ms(0) && poll.next_poll <= ms(50) : poll.next_poll < ms(0));
        CHECK(poll.index == 0 || poll.message.compare(0, 12, "Leads 4711: ") == 0);
        CHECK(poll.elapsed >= ms(0) && poll.elapsed < ms(60000));
    }
    CHECK(polls.back().elapsed >= ms(100) && polls.back().elapsed >= polls.front().elapsed);
    // One job of two that run.
    int count = 0;
    const auto results = client.wait_many({{"Leads", "1002"}, {"Leads", "1002"}}, [&](const zmd::poll &poll) {
        if (poll.index == 1)
            zmd::poll::end_job();
        return poll.index == 1 || ++count < 3;
    });
    CHECK(results[0].code == ZMD_ERR_CANCELLED && results[1].code == ZMD_ERR_CANCELLED && count == 3);
    CHECK(contains(results[1].message, "this job") && !contains(results[0].message, "this job"));
}

static void what_a_client_did_is_counted()
{
    zmd::client client(settings());
    CHECK(client.counters().calls == 0 && client.credits() == -1);
    client.status("Leads", "1001");
    client.wait("Leads", "1001");
    const zmd_counters counters = client.counters();
    CHECK(counters.calls == 2 && counters.polls == 1 && counters.connections == 1 && counters.bytes_sent > 0);
    zmd::client moved(std::move(client));
    THROWN(zmd::argument_error, client.counters());
    CHECK(client.credits() == -1);
}

static void a_job_that_stands_still()
{
    zmd::config config = settings();
    zmd::client client(config.set("poll_min_ms", 20).set("poll_max_ms", 50).set("stalled_ms", 100));
    const zmd::stalled still = THROWN(zmd::stalled, client.wait("Leads", "1003"));
    CHECK(still.code() == ZMD_ERR_STALLED && still.last_status().deleted_count == 0);
}

static void what_progress_throws_arrives()
{
    zmd::client client(settings());
    int calls = 0;

    try {
        client.wait("Leads", "1002", [&](const zmd::poll &) -> bool {
            calls++;
            throw not_a_standard_exception{4711, &calls};
        });
        CHECK(false);
    } catch (const not_a_standard_exception &caught) {
        CHECK(caught.value == 4711 && caught.where == &calls && calls == 1);
    }
    check_works(client);

    // Also when the job has ended by then, and when it is the library's own.
    CHECK(std::string("mine") == THROWN(std::logic_error, client.wait("Leads", "1001", [](const zmd::poll &) -> bool {
                                     throw std::logic_error("mine");
                                 })).what());
    const auto ask_another = [&](const zmd::poll &) { return client.status("Leads", "error-404").has_ended(); };
    check_error(THROWN(zmd::api_error, client.wait("Leads", "1002", ask_another)), ZMD_ERR_JOB_NOT_FOUND, 404, "");
    const std::vector<zmd::job> jobs(3, {"Leads", "1002"});
    CHECK(std::string("many") == THROWN(std::logic_error, client.wait_many(jobs, [](const zmd::poll &) -> bool {
                                     throw std::logic_error("many");
                                 })).what());
    check_works(client);
}

static void progress_ends_a_wait()
{
    zmd::config config = settings();
    zmd::client client(config.set("poll_min_ms", 600000).set("poll_max_ms", std::chrono::minutes(10)));
    const auto enough = [](const zmd::poll &) { return false; };
    const double begin = milliseconds();
    const zmd::cancelled ended = THROWN(zmd::cancelled, client.wait("Leads", "1002", std::chrono::minutes(1), enough));

    check_error(ended, ZMD_ERR_CANCELLED, 200, "");
    CHECK(ended.last_status().state == zmd::state::running);
    CHECK_MSG(contains(ended.what(), "progress"), "%s", ended.what());
    CHECK(milliseconds() - begin < 30000); // there was no other poll
    CHECK(client.wait("Leads", "1001", enough).has_ended()); // it had
    check_works(client);
}

static void progress_that_ended_a_wait_is_not_called_again()
{
    zmd::client client(settings());
    const std::vector<zmd::job> jobs(5, {"Leads", "1002"});

    for (const bool throws : {false, true}) {
        int calls = 0;
        const auto late = [&](const zmd::poll &) -> bool {
            calls++;
            std::this_thread::sleep_for(ms(300)); // the other answers come meanwhile
            if (throws)
                throw std::logic_error("enough");
            return false;
        };
        if (throws) {
            THROWN(std::logic_error, client.wait_many(jobs, late));
        } else {
            for (const zmd::result &result : client.wait_many(jobs, late))
                CHECK(result.code == ZMD_ERR_CANCELLED && contains(result.message, "progress"));
        }
        CHECK_MSG(calls == 1, "%d calls", calls);
    }
    check_works(client);
}

/* ---- Cancelling ---- */

static void cancelling_from_another_thread()
{
    for (const bool has_progress : {false, true}) {
        zmd::client client(settings());
        std::promise<void> polled;
        bool is_told = false;
        const zmd::progress_fn progress = [&](const zmd::poll &) {
            if (!is_told)
                polled.set_value();
            return is_told = true;
        };
        std::thread waiter([&] {
            const zmd::cancelled ended =
                THROWN(zmd::cancelled, client.wait("Leads", "1002", has_progress ? progress : nullptr));
            CHECK(ended.code() == ZMD_ERR_CANCELLED);
            CHECK(!has_progress || ended.last_status().state == zmd::state::running);
            CHECK(!contains(ended.what(), "progress"));
        });
        if (has_progress)
            polled.get_future().wait();
        client.cancel();
        waiter.join();

        // It is for good, and for every call.
        THROWN(zmd::cancelled, client.status("Leads", "1001"));
        THROWN(zmd::cancelled, client.wait("Leads", "1001"));
        THROWN(zmd::cancelled, client.wait("Leads", "1001", progress));
        for (const auto &results : {client.status_many({{"Leads", "1001"}}), client.wait_many({{"Leads", "1001"}}),
                                    client.wait_many({{"Leads", "1001"}}, progress)})
            CHECK(results.size() == 1 && results[0].code == ZMD_ERR_CANCELLED);
        client.cancel();
    }
}

static void cancelling_from_progress()
{
    zmd::client client(settings());
    const auto cancel = [&](const zmd::poll &) {
        client.cancel();
        return true;
    };

    THROWN(zmd::cancelled, client.wait("Leads", "1002", cancel));
    THROWN(zmd::cancelled, client.status("Leads", "1001"));
}

/* ---- Many ---- */

static void check_results(const std::vector<zmd::result> &results, bool waited)
{
    CHECK(results.size() == 6);
    CHECK(results[0].ok() && results[0].get().deleted_count == 9 && results[0].message.empty());
    CHECK(results[1].code == ZMD_ERR_JOB_NOT_FOUND && results[1].message.compare(0, 12, "Leads 4711: ") == 0);
    CHECK(results[0].status.job_id == "1001" && results[1].status.job_id == "4711");
    CHECK(results[1].status.state == zmd::state::unknown && results[1].status.http_status == 400);
    CHECK(results[2].code == ZMD_ERR_INVALID_ARGUMENT && contains(results[2].message, "module"));
    THROWN(zmd::argument_error, results[2].get());
    CHECK(results[3].code == ZMD_ERR_INVALID_ARGUMENT && contains(results[3].message, "NUL"));
    CHECK(contains(results[3].message, "jobs[3]: job_id"));
    check_error(THROWN(zmd::api_error, results[4].get()), ZMD_ERR_FORBIDDEN, 403, "NO_PERMISSION");
    CHECK(results[4].api_code == "NO_PERMISSION" && !contains(results[4].message, "jobs["));
    CHECK(results[5].ok() != waited && results[5].status.state == zmd::state::running);
    if (waited)
        CHECK(THROWN(zmd::timeout, results[5].get()).last_status().total_count == 50000);
}

static void many_jobs()
{
    const std::vector<zmd::job> jobs = {{"Leads", "1001"},
                                        {"Leads", "4711"},
                                        {"Sales Orders", "1001"},
                                        {"Leads", std::string("1001\0", 5)},
                                        {"Leads", "error-NO_PERMISSION"},
                                        {"Leads", "1002"}};
    zmd::client client(settings());
    int polls = 0;

    check_results(client.status_many(jobs), false);
    check_results(client.wait_many(jobs, ms(0)), true);
    check_results(client.wait_many(jobs, ms(0), [&](const zmd::poll &) { return ++polls > 0; }), true);
    CHECK(polls == 4); // of the jobs that have a name
    CHECK(client.status_many({}).empty() && client.wait_many({}).empty());
    const std::vector<zmd::result> bad = client.status_many({{std::string("\0", 1), "1"}});
    CHECK(bad[0].code == ZMD_ERR_INVALID_ARGUMENT && contains(bad[0].message, "module"));
}

/* ---- The completion queue ---- */

/* The last events of all that is in the queue, by their ids. */
static std::map<std::uint64_t, zmd::event> last_events(zmd::waits &waits)
{
    std::map<std::uint64_t, zmd::event> last;
    while (waits.size() > 0) {
        const zmd::event event = waits.next();
        CHECK(last.count(event.id) == 0 && event.elapsed >= ms(0));
        CHECK(!event.has_ended || event.next_poll < ms(0));
        if (event.has_ended)
            last[event.id] = event;
    }
    return last;
}

static void many_calls_without_a_thread_for_each()
{
    std::unique_ptr<zmd::client> client(new zmd::client(settings()));
    zmd::waits waits(*client);
    client.reset();

    const std::uint64_t completed = waits.add("Leads", std::string("1001"));
    const std::uint64_t unknown = waits.add("Leads", "4711", std::chrono::hours(4));
    const std::uint64_t late = waits.add("Leads", "1002", ms(1000));
    const std::uint64_t no_time = waits.add("Leads", "1002", ms(0)); // it polls once
    const std::uint64_t once = waits.add_status("Leads", "1002");
    const std::uint64_t stalled = waits.add_status("Leads", "fault-stall-before-header", ms(300));
    CHECK(waits.size() == 6 && waits.get() != nullptr);

    std::map<std::uint64_t, zmd::event> last = last_events(waits);
    CHECK(last.size() == 6);
    CHECK(last[completed].ok() && last[completed].get().is_successful() && last[completed].message.empty());
    CHECK(last[completed].status.module == "Leads" && last[completed].status.job_id == "1001");
    CHECK(last[unknown].code == ZMD_ERR_JOB_NOT_FOUND && last[unknown].status.job_id == "4711");
    CHECK(last[unknown].message.compare(0, 12, "Leads 4711: ") == 0 && !last[unknown].api_code.empty());
    const zmd::timeout over = THROWN(zmd::timeout, last[late].get());
    CHECK(over.job_id() == "1002" && last[late].elapsed >= ms(990));
    CHECK(THROWN(zmd::timeout, last[no_time].get()).last_status().total_count == 50000);
    CHECK(last[once].get().state == zmd::state::running);
    CHECK(last[stalled].code == ZMD_ERR_TIMEOUT && last[stalled].elapsed >= ms(290));
}

static void calls_are_removed_and_cancelled()
{
    zmd::client client(settings());
    zmd::waits waits(client);
    zmd::event event;

    CHECK(waits.handle() > 2);
    CHECK(!waits.next(event, ms(0)) && !waits.next(event, ms(-5)) && !waits.next(event, std::chrono::nanoseconds(1)));
    const std::uint64_t id = waits.add("Leads", "1002");
    const std::uint64_t other = waits.add("Leads", "1002");
    while (waits.next(event, std::chrono::seconds(20)) && event.id != other) {
    }
    CHECK(event.id == other && event.ok() && !event.has_ended && event.next_poll > ms(0));
    waits.remove(id);
    while (waits.next(event, std::chrono::seconds(20)) && event.id != id) {
    }
    CHECK(event.id == id || !event.has_ended);
    while (!event.has_ended)
        CHECK(waits.next(event, std::chrono::seconds(20)));
    CHECK(event.id == id && event.code == ZMD_ERR_CANCELLED && waits.size() == 1);
    waits.remove(id);
    waits.remove(4711);

    std::thread waiter([&] {
        int ended = 0;
        thrown<zmd::cancelled>(__LINE__, [&] {
            for (;;)
                ended += waits.next().has_ended;
        });
        CHECK(ended == 1);
    });
    waits.cancel();
    waiter.join();
    CHECK(waits.size() == 0);
    const zmd::cancelled refused = THROWN(zmd::cancelled, waits.add("Leads", "1001"));
    CHECK(refused.job_id() == "1001");
    THROWN(zmd::cancelled, waits.next(event, ms(0)));
    CHECK(client.status("Leads", "1001").has_ended()); // the client is as good as before

    zmd::waits others(client);
    others.add("Leads", "1002");
    client.cancel();
    CHECK(last_events(others).begin()->second.code == ZMD_ERR_CANCELLED);
    THROWN(zmd::cancelled, zmd::waits{client});
}

static void a_queue_is_moved_and_destroyed()
{
    zmd::client client(settings());
    zmd::waits waits(client);
    zmd::event event;

    check_error(THROWN(zmd::argument_error, waits.add("Sales Orders", "1")), ZMD_ERR_INVALID_ARGUMENT, 0, "");
    THROWN(zmd::argument_error, waits.add(std::string("L\0", 2), "1"));
    THROWN(zmd::argument_error, waits.add_status("Leads", "1001", ms(0)));
    CHECK(waits.size() == 0);

    const std::uint64_t id = waits.add("Leads", "1001", zmd::no_timeout);
    zmd::waits moved(std::move(waits));
    CHECK(last_events(moved)[id].status.job_id == "1001");
    check_error(THROWN(zmd::argument_error, waits.add("Leads", "1001")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, waits.add_status("Leads", "1001")), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, waits.next()), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, waits.next(event, ms(0))), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, waits.remove(1)), ZMD_ERR_NULL_POINTER, 0, "");
    check_error(THROWN(zmd::argument_error, waits.cancel()), ZMD_ERR_NULL_POINTER, 0, "");
    CHECK(waits.size() == 0 && waits.get() == nullptr);
    waits = zmd::waits(client);
    waits.add("Leads", "1002");
    zmd::client moved_to(std::move(client));
    check_error(THROWN(zmd::argument_error, zmd::waits{client}), ZMD_ERR_NULL_POINTER, 0, "");

    // What C adds has no job here, and is not counted.
    std::uint64_t c_id = 0;
    CHECK(zmd_waits_add_status(moved.get(), "Leads", "4711", -1, &c_id) == ZMD_OK && moved.size() == 0);
    CHECK(moved.next(event, std::chrono::seconds(20)) && event.id == c_id && event.status.module.empty());
    CHECK(contains(event.message, "call " + std::to_string(c_id) + ": "));

    const double begin = milliseconds();
    {
        zmd::waits short_lived(moved_to);
        short_lived.add_status("Leads", "fault-stall-before-header", std::chrono::minutes(10));
        short_lived.add("Leads", "1002");
    }
    CHECK(milliseconds() - begin < 300000);
}

static void threads_share_a_queue()
{
    zmd::client client(settings());
    zmd::waits waits(client);
    std::vector<std::thread> threads;
    std::atomic<int> ended(0);

    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            for (int round = 0; round < 25; round++)
                waits.add("Leads", "1001");
        });
        threads.emplace_back([&] {
            zmd::event event;
            while (ended < 100)
                if (waits.next(event, ms(20))) {
                    CHECK(event.ok() && event.has_ended && event.status.job_id == "1001"); // never too early for its name
                    ended++;
                }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    CHECK(waits.size() == 0 && ended == 100);
}

static void threads_share_a_client()
{
    const zmd::client client;
    std::vector<std::thread> threads;

    for (int i = 0; i < 8; i++)
        threads.emplace_back([&client, i] {
            const std::string unknown = "47" + std::to_string(i);
            for (int round = 0; round < 10; round++) {
                CHECK(client.status("Leads", "1001").deleted_count == 9);
                CHECK(contains(THROWN(zmd::api_error, client.status("Leads", unknown)).what(), unknown));
            }
        });
    for (std::thread &thread : threads)
        thread.join();
}

/* ---- The log ---- */

static void the_log_is_told()
{
    std::mutex mutex;
    std::vector<std::string> lines;
    const auto keep = [&](int level, const char *message) {
        std::lock_guard<std::mutex> lock(mutex);
        CHECK(level >= 1 && level <= 4);
        lines.push_back(message);
        throw std::runtime_error("ignored");
    };
    zmd::client client;

    zmd::set_logger(keep, 4);
    client.status("Leads", "1001");
    CHECK(!lines.empty());
    // A level that is none changes nothing.
    check_error(THROWN(zmd::argument_error, zmd::set_logger([](int, const char *) {}, 6)), ZMD_ERR_INVALID_ARGUMENT, 0,
                "");
    const std::size_t count = lines.size();
    client.status("Leads", "1001");
    CHECK(lines.size() > count);
    zmd::set_logger(nullptr);
    lines.clear();
    client.status("Leads", "1001");
    CHECK(lines.empty());
}

static void a_logger_is_destroyed_when_no_thread_is_in_it()
{
    const auto state = std::make_shared<int>(0);
    std::atomic<bool> is_over(false);
    zmd::client client;
    std::thread caller([&] {
        while (!is_over)
            client.status_many({{"Leads", "1001"}, {"Leads", "1001"}});
    });

    for (int i = 0; i < 100; i++) {
        zmd::set_logger([state](int, const char *) { CHECK(*state == 0); }, 4);
        CHECK(state.use_count() == 2);
    }
    // One that replaces itself is destroyed by a later call.
    std::atomic<int> calls(0);
    zmd::set_logger(
        [state, &calls](int, const char *) {
            if (calls++ == 0)
                zmd::set_logger([state](int, const char *) {}, 4);
        },
        4);
    client.status("Leads", "1001");
    // The other thread may be the first, and still be setting the next one.
    for (int i = 0; i < 10000 && state.use_count() != 3; i++)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(calls > 0 && state.use_count() == 3);
    // A level that is none changes nothing.
    THROWN(zmd::argument_error, zmd::set_logger([state](int, const char *) {}, 6));
    CHECK(state.use_count() == 3);
    zmd::set_logger(nullptr);
    CHECK(state.use_count() == 1);
    is_over = true;
    caller.join();
}

/* ---- Tokens ---- */

static void a_function_gives_the_tokens()
{
    std::vector<std::string> refused;
    const std::string token = std::getenv("ZMD_ACCESS_TOKEN");
    const auto client_of = [](zmd::token_fn provide) {
        zmd::config settings;
        settings.set("api_domain", std::getenv("ZMD_API_DOMAIN"));
        if (const char *ca_file = std::getenv("ZMD_CA_FILE"))
            settings.set("ca_file", ca_file);
        settings.set_token_provider(std::move(provide));
        return zmd::client(settings);
    };
    // The configuration and the first client are destroyed before it is called.
    zmd::client first = client_of([&](const std::string &last) {
        refused.push_back(last);
        return refused.size() == 1 ? "1000.bad.token" : token;
    });
    zmd::client client = std::move(first);
    CHECK(client.status("Leads", "1001").has_ended());
    CHECK(refused.size() == 2 && refused[0].empty() && refused[1] == "1000.bad.token");

    // A queue keeps it too, after its client is destroyed.
    const auto alive = std::make_shared<int>(0);
    std::unique_ptr<zmd::waits> waits(new zmd::waits(client_of([alive, token](const std::string &) { return token; })));
    CHECK(alive.use_count() == 2);
    waits->add_status("Leads", "1001");
    CHECK(waits->next().get().is_successful());
    waits.reset();
    CHECK(alive.use_count() == 1);

    const auto failure = [&](zmd::token_fn provide) {
        zmd::client failing = client_of(std::move(provide));
        return std::string(THROWN(zmd::api_error, failing.status("Leads", "1001")).what());
    };
    CHECK(contains(failure([](const std::string &) -> std::string { throw std::runtime_error("the vault is sealed"); }),
                   "the vault is sealed"));
    CHECK(contains(failure([](const std::string &) -> std::string { throw 7; }), "did not say why"));
    CHECK(contains(failure([](const std::string &) { return std::string("with\0nul", 8); }), "visible ASCII"));
    CHECK(contains(failure([](const std::string &) { return std::string(100000, 't'); }), "visible ASCII"));
    zmd::config none;
    none.set_token_provider([](const std::string &) { return std::string(); }).set_token_provider(nullptr);
    THROWN(zmd::config_error, zmd::client{none});
}

int main()
{
    check_environment();
    alarm(300); // a wait that does not end is a failure, and not a test that hangs
    states_have_names();
    a_status_as_it_is_made_is_no_answer();
    success_is_that_the_records_are_gone();
    statuses_are_compared();
    statuses_are_written_to_streams();
    text_of_any_type();
    null_is_refused();
    settings_are_set();
    bad_settings_are_refused();
    a_nul_character_is_never_cut_at();
    handles_are_moved();
    a_client_copies_its_settings();
    a_job_is_told_as_the_server_has_it();
    errors_know_their_job();
    errors_are_transient_or_not();
    bad_arguments();
    a_huge_argument();
    errors_of_the_network();
    errors_of_the_api();
    every_number_has_its_family();
    an_exception_outlives_everything();
    another_access_token();
    a_call_has_its_limit();
    a_call_has_a_limit_of_its_own();
    a_wait_has_its_limit();
    what_is_over_at_once_asks_once();
    limits_of_any_length();
    progress_hears_of_the_polls();
    progress_may_return_nothing();
    polls_tell_their_job_and_times();
    what_a_client_did_is_counted();
    a_job_that_stands_still();
    what_progress_throws_arrives();
    progress_ends_a_wait();
    progress_that_ended_a_wait_is_not_called_again();
    cancelling_from_another_thread();
    cancelling_from_progress();
    many_jobs();
    many_calls_without_a_thread_for_each();
    calls_are_removed_and_cancelled();
    a_queue_is_moved_and_destroyed();
    threads_share_a_queue();
    threads_share_a_client();
    a_function_gives_the_tokens();
    the_log_is_told();
    a_logger_is_destroyed_when_no_thread_is_in_it();
    return passed("binding_test");
}
