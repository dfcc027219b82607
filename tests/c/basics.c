/*
 * The C API: answers, errors, NULL and garbage for every argument, the rules of the last error, many jobs at once. The
 * environment names the stand-in server: ZMD_API_DOMAIN, ZMD_ACCESS_TOKEN and, for https, ZMD_CA_FILE. Everything is
 * freed, so that memcheck has nothing to report.
 */
#include "check.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { HUGE_LENGTH = 100 * 1024 };

static const char SECRET[] = "s3cret-never-to-be-shown";

/* ---- Helpers ---- */

/* A status with every byte defined, for comparisons with memcmp. */
static zmd_status status_of(zmd_state state, int32_t http_status, int64_t total, int64_t deleted, int64_t failed,
                            const char *text)
{
    zmd_status status;

    memset(&status, 0, sizeof status);
    status.state = state;
    status.http_status = http_status;
    status.total_count = total;
    status.deleted_count = deleted;
    status.failed_count = failed;
    memcpy(status.state_text, text, strlen(text));
    return status;
}

static bool same_status(const zmd_status *left, const zmd_status *right)
{
    return memcmp(left, right, sizeof *left) == 0;
}

static bool is_failure_form(const zmd_status *status)
{
    zmd_status form = status_of(ZMD_STATE_UNKNOWN, status->http_status, -1, -1, -1, "");

    return same_status(status, &form);
}

/* Bytes that no status has, so that a field which the library does not write is detected. */
static void spoil(zmd_status *statuses, size_t count)
{
    memset(statuses, 0xAA, count * sizeof *statuses);
}

static bool is_spoilt(const void *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;

    for (size_t i = 0; i < size; i++)
        if (at[i] != 0xAA)
            return false;
    return true;
}

/* The last error must be one line that is not empty, without a secret. */
static void check_sentence(const char *about)
{
    const char *text = zmd_last_error();

    CHECK_MSG(text[0] != '\0', "no message about %.60s", about);
    CHECK_MSG(strlen(text) < 4096, "%lu characters about %.60s", (unsigned long)strlen(text), about);
    CHECK_MSG(strstr(text, SECRET) == NULL, "the message contains the secret: %s", text);
    CHECK_MSG(strstr(zmd_last_error_code(), SECRET) == NULL, "the code contains the secret");
    for (const char *at = text; *at != '\0'; at++)
        CHECK_MSG((unsigned char)*at >= 0x20 && *at != 0x7F, "a control character about %.60s: %s", about, text);
}

/* Requests a status, which must fail. code NULL: any. */
static void check_failure(zmd_client *client, const char *module, const char *job_id, zmd_error expected,
                          int32_t lowest_http, int32_t highest_http, const char *code)
{
    zmd_status status;
    zmd_error err;

    spoil(&status, 1);
    err = zmd_client_status(client, module, job_id, &status);
    CHECK_MSG(err == expected, "%.60s %.60s: %s instead of %s, last error \"%s\"", module, job_id, zmd_error_name(err),
              zmd_error_name(expected), zmd_last_error());
    CHECK_MSG(is_failure_form(&status), "%.60s %.60s", module, job_id);
    CHECK_MSG(status.http_status >= lowest_http && status.http_status <= highest_http, "%.60s %.60s: HTTP %d", module,
              job_id, (int)status.http_status);
    CHECK_MSG(code == NULL || strcmp(zmd_last_error_code(), code) == 0, "%.60s %.60s: \"%s\" instead of \"%s\"", module,
              job_id, zmd_last_error_code(), code);
    check_sentence(job_id);
}

static zmd_config *new_config(void)
{
    zmd_config *config = NULL;

    CHECK_OK(zmd_config_new(&config));
    CHECK(config != NULL);
    return config;
}

static char *huge_string(void)
{
    char *text = (char *)malloc(HUGE_LENGTH + 1);

    CHECK(text != NULL);
    memset(text, 'a', HUGE_LENGTH);
    text[HUGE_LENGTH] = '\0';
    return text;
}

/* ---- Answers ---- */

static void a_job_is_told_as_the_server_has_it(void)
{
    zmd_client *client = new_client(NULL, NULL);
    const zmd_status completed = status_of(ZMD_STATE_COMPLETED, 200, 9, 9, 0, "COMPLETED");
    zmd_status status;

    spoil(&status, 1);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(same_status(&status, &completed));

    spoil(&status, 1);
    CHECK_OK(zmd_client_status(client, "Leads", "1002", &status));
    CHECK(status.state == ZMD_STATE_RUNNING);
    CHECK(status.http_status == 200);
    CHECK(status.total_count == 50000);
    CHECK(status.deleted_count >= 0 && status.deleted_count <= 50000);
    CHECK(status.failed_count >= -1);
    CHECK(memcmp(status.state_text, "RUNNING", 7) == 0);
    for (size_t i = 7; i < sizeof status.state_text; i++)
        CHECK(status.state_text[i] == '\0');

    zmd_client_free(client);
}

static void a_job_id_is_trimmed(void)
{
    static const char *const ids[] = {" 1001 ", "\t1001\n", "\r\n1001", "1001   "};
    zmd_client *client = new_client(NULL, NULL);
    const zmd_status completed = status_of(ZMD_STATE_COMPLETED, 200, 9, 9, 0, "COMPLETED");

    for (size_t i = 0; i < LENGTH_OF(ids); i++) {
        zmd_status status;

        spoil(&status, 1);
        CHECK_OK(zmd_client_status(client, "Leads", ids[i], &status));
        CHECK(same_status(&status, &completed));
    }
    zmd_client_free(client);
}

static void a_new_access_token_is_used(void)
{
    zmd_client *client = new_client("access_token", "1000.no-token-of-the-server");
    zmd_status status;

    CHECK_OK(zmd_client_set_access_token(client, getenv("ZMD_ACCESS_TOKEN")));
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED);
    zmd_client_free(client);
}

/* ---- Errors of the service and of the network ---- */

static void an_error_of_the_service_has_its_own_number(void)
{
    static const struct {
        const char *job_id;
        zmd_error error;
        int32_t lowest_http, highest_http;
        const char *code;
    } cases[] = {
        {"error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, 401, 401, "INVALID_TOKEN"},
        {"error-OAUTH_SCOPE_MISMATCH", ZMD_ERR_SCOPE, 401, 401, "OAUTH_SCOPE_MISMATCH"},
        {"error-NO_PERMISSION", ZMD_ERR_FORBIDDEN, 403, 403, "NO_PERMISSION"},
        {"error-INVALID_MODULE", ZMD_ERR_INVALID_MODULE, 400, 400, "INVALID_MODULE"},
        {"error-INVALID_DATA", ZMD_ERR_JOB_NOT_FOUND, 400, 400, "INVALID_DATA"},
        {"error-TOO_MANY_REQUESTS", ZMD_ERR_RATE_LIMITED, 429, 429, "TOO_MANY_REQUESTS"},
        {"error-INTERNAL_ERROR", ZMD_ERR_SERVER, 500, 599, "INTERNAL_ERROR"},
        {"error-NOT_FOUND", ZMD_ERR_JOB_NOT_FOUND, 404, 404, NULL},
        {"error-204", ZMD_ERR_JOB_NOT_FOUND, 204, 204, ""},
        {"error-html500", ZMD_ERR_SERVER, 500, 599, ""},
        {"error-redirect", ZMD_ERR_BAD_RESPONSE, 300, 399, ""},
        {"error-empty", ZMD_ERR_JOB_NOT_FOUND, 200, 200, ""},
        {"424242", ZMD_ERR_JOB_NOT_FOUND, 200, 499, NULL},
    };
    zmd_client *client = new_client("max_retries", "0"); /* retries would only take time */

    for (size_t i = 0; i < LENGTH_OF(cases); i++)
        check_failure(client, "Leads", cases[i].job_id, cases[i].error, cases[i].lowest_http, cases[i].highest_http,
                      cases[i].code);

    /* the client still works */
    zmd_status status;
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
}

static void a_broken_connection_is_a_network_error(void)
{
    static const char *const job_ids[] = {"fault-reset", "fault-close", "fault-garbage", "fault-truncate-body"};
    zmd_client *client = new_client("max_retries", "0");

    for (size_t i = 0; i < LENGTH_OF(job_ids); i++) {
        /* the truncated answer had a status line, the others had none */
        int32_t highest_http = strcmp(job_ids[i], "fault-truncate-body") == 0 ? 200 : 0;
        zmd_status status;

        check_failure(client, "Leads", job_ids[i], ZMD_ERR_NETWORK, 0, highest_http, "");
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    }
    zmd_client_free(client);
}

static void a_silent_server_is_a_timeout(void)
{
    zmd_client *client = new_client("timeout_ms", "300");

    check_failure(client, "Leads", "fault-stall-before-header", ZMD_ERR_TIMEOUT, 0, 0, "");
    zmd_client_free(client);
}

/* A client that cannot reach the service, without the settings of the environment. */
static zmd_error fail_to_reach(const char *api_domain, const char *proxy)
{
    zmd_config *config = new_config();
    zmd_client *client = NULL;
    zmd_status status;
    zmd_error err;

    CHECK_OK(zmd_config_set(config, "access_token", SECRET));
    CHECK_OK(zmd_config_set(config, "api_domain", api_domain));
    CHECK_OK(zmd_config_set(config, "proxy", proxy));
    CHECK_OK(zmd_config_set(config, "max_retries", "0"));
    CHECK_OK(zmd_config_set(config, "timeout_ms", "10000"));
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);

    spoil(&status, 1);
    err = zmd_client_status(client, "Leads", "1001", &status);
    CHECK_MSG(err != ZMD_OK, "%s answered", api_domain);
    CHECK(is_failure_form(&status) && status.http_status == 0);
    CHECK(zmd_last_error_code()[0] == '\0');
    check_sentence(api_domain);
    zmd_client_free(client);
    return err;
}

static void a_server_out_of_reach_is_told_by_the_step_that_failed(void)
{
    char dead_url[URL_SIZE];
    int reserved = reserve_dead_url(dead_url);
    zmd_error err = fail_to_reach(dead_url, "none");
    CHECK_MSG(err == ZMD_ERR_CONNECT, "%s", zmd_error_name(err));

    /* the domain .invalid is reserved never to exist (RFC 6761) */
    err = fail_to_reach("https://zmd-test.invalid", "none");
    /* on a machine whose name server does not answer, it times out */
    CHECK_MSG(err == ZMD_ERR_DNS || err == ZMD_ERR_TIMEOUT, "%s", zmd_error_name(err));

    err = fail_to_reach("https://zmd-test.invalid", dead_url);
    /* the proxy cannot be reached, and it would look up the name: this is not a DNS error */
    CHECK_MSG(err == ZMD_ERR_PROXY || err == ZMD_ERR_CONNECT, "%s", zmd_error_name(err));

    CHECK(close(reserved) == 0);

    if (getenv("ZMD_CA_FILE") != NULL) {
        err = fail_to_reach(getenv("ZMD_API_DOMAIN"), "none"); /* without its ca_file, the certificate is not trusted */
        CHECK_MSG(err == ZMD_ERR_TLS, "%s", zmd_error_name(err));
    }
}

/* ---- NULL ---- */

static void null_is_refused_everywhere(void)
{
    zmd_config *config = new_config();
    zmd_client *client = new_client(NULL, NULL);
    zmd_client *none = NULL;
    zmd_status status;

    CHECK_RETURNS(zmd_config_new(NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_set(NULL, "timeout_ms", "1000"), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_set(config, NULL, "1000"), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_set(config, "timeout_ms", NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_set(NULL, NULL, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_load_env(NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_new(NULL, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_new(config, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_set_access_token(NULL, "token"), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_set_access_token(client, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_status(client, "Leads", "1001", NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_status(NULL, NULL, NULL, NULL), ZMD_ERR_NULL_POINTER);

    /* the status is not NULL: it must be written all the same */
    check_failure(NULL, "Leads", "1001", ZMD_ERR_NULL_POINTER, 0, 0, "");
    spoil(&status, 1);
    CHECK_RETURNS(zmd_client_status(client, NULL, "1001", &status), ZMD_ERR_NULL_POINTER);
    CHECK(is_failure_form(&status) && status.http_status == 0);
    spoil(&status, 1);
    CHECK_RETURNS(zmd_client_status(client, "Leads", NULL, &status), ZMD_ERR_NULL_POINTER);
    CHECK(is_failure_form(&status) && status.http_status == 0);

    /* the client still works */
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));

    CHECK_RETURNS(zmd_client_new(config, &none), ZMD_ERR_INVALID_CONFIG); /* no credential */
    CHECK(none == NULL);
    CHECK(strstr(zmd_last_error(), "access_token") != NULL);

    zmd_config_free(NULL);
    zmd_client_free(NULL);
    zmd_config_free(config);
    zmd_client_free(client);
}

/* ---- Garbage ---- */

static void what_is_no_module_is_refused(void)
{
    static const char *const modules[] = {
        "", " ", "\n", "Le ads", "1Leads", "_Leads", "-", "Leads-1", "Leads/1",
        "../Leads", "Leads?a=b", "Leads#", "Leads%2e", "Leads\\", "Leads\r\nHost: elsewhere", "Leads\r\nLeads", "Leads\x01",
        "\x01", "\x7f",
        "L\xc3\xa9" "ads", "Le\xc2\xa0" "ads", "\xff", "\xff\xfe", "Leads\xff", "Leads\xc3", "\xc0\x80", "Leads\xc0\x80",
        "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xef\xbb\xbfLeads",
    };
    char *huge = huge_string();
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;

    for (size_t i = 0; i < LENGTH_OF(modules); i++) {
        check_failure(client, modules[i], "1001", ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
        CHECK_MSG(strstr(zmd_last_error(), "module") != NULL, "%s", zmd_last_error());
    }

    check_failure(client, huge, "1001", ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
    huge[101] = '\0';
    check_failure(client, huge, "1001", ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
    huge[100] = '\0'; /* the maximum length of a name: a request is sent */
    CHECK(zmd_client_status(client, huge, "1001", &status) != ZMD_ERR_INVALID_ARGUMENT);

    zmd_client_free(client);
    free(huge);
}

static void the_api_name_of_a_module_is_told(void)
{
    static const char *const names[][2] = {
        {"Sales Orders", "Sales_Orders"},
        {"Price Books", "Price_Books"},
        {"Purchase Orders", "Purchase_Orders"},
    };
    zmd_client *client = new_client(NULL, NULL);

    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        check_failure(client, names[i][0], "1001", ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
        CHECK_MSG(strstr(zmd_last_error(), names[i][1]) != NULL, "%s is not in: %s", names[i][1], zmd_last_error());
    }
    zmd_client_free(client);
}

static void what_is_no_job_id_is_refused(void)
{
    static const char *const job_ids[] = {
        "", " ", " \t\r\n", "10 01", "10\n01", "1001\r\nHost: elsewhere", "1001\r\n\r\nGET / HTTP/1.1",
        "1001&job_id=1002",
        "1001/../1002", "1001#", "1001?", "%31", "1001;", "1001.", "1001+", "\x01", "1001\x01", "\x7f", "1001\x1f",
        "\xff", "1001\xff", "1001\xc3", "\xc0\x80", "1001\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "1001\xc3\xa9",
        "\xef\xbc\x91\xef\xbc\x90", "\xd9\xa1", /* digits, but not those of ASCII */
    };
    char *huge = huge_string();
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;

    for (size_t i = 0; i < LENGTH_OF(job_ids); i++) {
        check_failure(client, "Leads", job_ids[i], ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
        CHECK_MSG(strstr(zmd_last_error(), "job") != NULL, "%s", zmd_last_error());
    }

    check_failure(client, "Leads", huge, ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
    check_failure(client, huge, huge, ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
    huge[65] = '\0';
    check_failure(client, "Leads", huge, ZMD_ERR_INVALID_ARGUMENT, 0, 0, "");
    huge[64] = '\0'; /* the maximum length of an id: a request is sent */
    CHECK(zmd_client_status(client, "Leads", huge, &status) != ZMD_ERR_INVALID_ARGUMENT);

    zmd_client_free(client);
    free(huge);
}

/* A token that could end its header line is refused; the previous token is kept. */
static void what_is_no_token_is_refused(void)
{
    static const char *const tokens[] = {
        "", "s3cret-never-to-be-shown\r\nX-Injected: 1", "s3cret-never-to-be-shown\nX", "s3cret-never-to-be-shown\rX",
        "s3cret-never-to-be-shown\x01" "0", "s3cret-never-to-be-shown\x7f" "0", "s3cret-never-to-be-shown\xff",
        "s3cret-never-to-be-shown\xc0\x80", "s3cret-never-to-be-shown\xc3",
    };
    char *huge = huge_string();
    zmd_client *client = new_client("max_retries", "0");
    zmd_status status;
    zmd_error err;

    for (size_t i = 0; i < LENGTH_OF(tokens); i++) {
        err = zmd_client_set_access_token(client, tokens[i]);
        CHECK_MSG(err == ZMD_ERR_INVALID_ARGUMENT || err == ZMD_ERR_INVALID_CONFIG, "token %d: %s", (int)i,
                  zmd_error_name(err));
        check_sentence("a token");
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    }

    /* too long for a server, and perhaps for the library: it must be handled */
    err = zmd_client_set_access_token(client, huge);
    CHECK(err == ZMD_OK || err == ZMD_ERR_INVALID_ARGUMENT || err == ZMD_ERR_INVALID_CONFIG);
    spoil(&status, 1);
    err = zmd_client_status(client, "Leads", "1001", &status);
    CHECK(err == ZMD_OK || is_failure_form(&status));
    CHECK_OK(zmd_client_set_access_token(client, getenv("ZMD_ACCESS_TOKEN")));
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));

    zmd_client_free(client);
    free(huge);
}

/* ---- Settings ---- */

static void a_bad_setting_is_refused_by_its_name(void)
{
    static const struct {
        const char *key;
        const char *value;
    } cases[] = {
        {"no_such_key", "1"},
        {"timeout", "1000"},
        {"access_token", "s3cret-never-to-be-shown\r\nX-Injected: 1"},
        {"access_token", "s3cret-never-to-be-shown\x01" "0"},
        {"data_center", "mars"},
        {"data_center", "us\neu"},
        {"data_center", "https://www.zohoapis.com"},
        {"environment", "moon"},
        {"environment", "production/sandbox"},
        {"api_domain", "no url"},
        {"api_domain", "www.zohoapis.com"},
        {"api_domain", "https://"},
        {"api_domain", "ftp://www.zohoapis.com"},
        {"api_domain", "file:///etc/passwd"},
        {"api_domain", "http://www.zohoapis.com"}, /* without TLS, to another machine */
        {"api_domain", "http://127.0.0.1.zohoapis.com"},
        {"api_domain", "http://localhost.zohoapis.com"},
        {"api_domain", "http://192.168.1.1"},
        {"api_domain", "http://127.0.0.1@www.zohoapis.com"},
        {"api_domain", "https://user@www.zohoapis.com"},
        {"api_domain", "https://user:password@www.zohoapis.com"},
        {"api_domain", "https://www.zohoapis.com?a=b"},
        {"api_domain", "https://www.zohoapis.com/#part"},
        {"api_domain", "https://www.zohoapis.com:99999"},
        {"api_domain", "https://www.zohoapis.com:port"},
        {"api_domain", "https://www.zohoapis.com\r\nHost: elsewhere"},
        {"api_version", "7"},
        {"api_version", "v"},
        {"api_version", "vx"},
        {"api_version", "v7."},
        {"api_version", "v7.1.2"},
        {"api_version", "v7/../v8"},
        {"api_version", "v7\nv8"},
        {"api_version", "v7?a=b"},
        {"timeout_ms", ""},
        {"timeout_ms", "soon"},
        {"timeout_ms", "-1"},
        {"timeout_ms", "1.5"},
        {"timeout_ms", "1e3"},
        {"timeout_ms", "0x10"},
        {"timeout_ms", "1000ms"},
        {"timeout_ms", "1000\n0"},
        {"timeout_ms", "99999999999999999999999999"},
        {"timeout_ms", "\xd9\xa1"}, /* a digit one, but not of ASCII */
        {"connect_timeout_ms", "soon"},
        {"connect_timeout_ms", "-1"},
        {"connect_timeout_ms", "99999999999999999999999999"},
        {"max_retries", "-1"},
        {"max_retries", "many"},
        {"max_retries", "99999999999999999999999999"},
        {"max_concurrency", "-1"},
        {"max_concurrency", "0"},
        {"max_concurrency", "99999999999999999999999999"},
        {"proxy", "no url"},
        {"proxy", "ftp://127.0.0.1:1"},
        {"proxy", "http://"},
        {"proxy", "http://127.0.0.1:99999"},
    };
    zmd_config *config = new_config();
    zmd_client *client = NULL;
    zmd_status status;

    CHECK_OK(zmd_config_load_env(config));
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        zmd_error err = zmd_config_set(config, cases[i].key, cases[i].value);

        CHECK_MSG(err == ZMD_ERR_INVALID_CONFIG, "%s=\"%s\": %s", cases[i].key, cases[i].value, zmd_error_name(err));
        CHECK_MSG(strstr(zmd_last_error(), cases[i].key) != NULL, "%s is not in: %s", cases[i].key, zmd_last_error());
        CHECK(zmd_last_error_code()[0] == '\0');
        check_sentence(cases[i].value);
    }

    /* the refused settings have changed nothing */
    CHECK_OK(zmd_client_new(config, &client));
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
    zmd_config_free(config);
}

static void a_good_setting_is_taken(void)
{
    static const char *const settings[][2] = {
        {"access_token", "1000.abc.def"},
        {"data_center", "us"},
        {"data_center", "eu"},
        {"data_center", "in"},
        {"data_center", "au"},
        {"data_center", "cn"},
        {"data_center", "jp"},
        {"data_center", "ca"},
        {"data_center", "sa"},
        {"data_center", "uk"},
        {"environment", "production"},
        {"environment", "sandbox"},
        {"environment", "developer"},
        {"api_domain", "https://www.zohoapis.com"},
        {"api_domain", "https://www.zohoapis.com:443"},
        {"api_domain", "http://127.0.0.1:8080"},
        {"api_domain", "http://localhost:8080"},
        {"api_domain", "http://[::1]:8080"},
        {"api_version", "v2"},
        {"api_version", "v2.1"},
        {"api_version", "v8"},
        {"timeout_ms", "1000"},
        {"connect_timeout_ms", "1000"},
        {"max_retries", "0"},
        {"max_retries", "3"},
        {"max_concurrency", "1"},
        {"max_concurrency", "25"},
        {"proxy", "env"},
        {"proxy", "none"},
        {"proxy", "http://127.0.0.1:3128"},
        {"proxy", "socks5://127.0.0.1:1080"},
    };
    zmd_config *config = new_config();

    for (size_t i = 0; i < LENGTH_OF(settings); i++)
        CHECK_OK(zmd_config_set(config, settings[i][0], settings[i][1]));
    zmd_config_free(config);
}

/* The file may be opened when it is set, or when the client is created at the latest. */
static void a_ca_file_that_holds_no_roots_is_refused(void)
{
    static const char *const files[] = {"/no/such/file.pem", "/dev/null", "/"};

    for (size_t i = 0; i < LENGTH_OF(files); i++) {
        zmd_config *config = new_config();
        zmd_client *client = NULL;
        zmd_error err;

        CHECK_OK(zmd_config_set(config, "access_token", SECRET));
        err = zmd_config_set(config, "ca_file", files[i]);
        if (err == ZMD_OK)
            err = zmd_client_new(config, &client);
        CHECK_MSG(err == ZMD_ERR_INVALID_CONFIG, "%s: %s", files[i], zmd_error_name(err));
        CHECK_MSG(strstr(zmd_last_error(), "ca_file") != NULL, "%s", zmd_last_error());
        check_sentence(files[i]);
        CHECK(client == NULL);
        zmd_config_free(config);
    }
}

static void garbage_for_a_setting_is_refused(void)
{
    static const char *const keys[] = {
        "", "\n", "timeout\n_ms", "timeout_ms\r\nmax_retries", "timeout_ms\x01", "\xff", "\xc0\x80", "timeout_ms\xff",
    };
    static const char *const values[] = {
        "\xff", "us\xff", "v7\xc3", "\xc0\x80", "\xed\xa0\x80", "\x01", "\x7f", "\r\n",
    };
    static const char *const settings[] = {
        "data_center", "environment", "api_domain", "api_version", "timeout_ms", "connect_timeout_ms", "max_retries",
        "max_concurrency",
    };
    char *huge = huge_string();
    zmd_config *config = new_config();

    for (size_t i = 0; i < LENGTH_OF(keys); i++) {
        zmd_error err = zmd_config_set(config, keys[i], "1000");

        CHECK_MSG(err == ZMD_ERR_INVALID_CONFIG || err == ZMD_ERR_INVALID_ARGUMENT, "key %d: %s", (int)i,
                  zmd_error_name(err));
        check_sentence("a key");
    }
    CHECK_RETURNS(zmd_config_set(config, huge, "1000"), ZMD_ERR_INVALID_CONFIG);
    check_sentence("a huge key");

    for (size_t i = 0; i < LENGTH_OF(settings); i++) {
        for (size_t j = 0; j < LENGTH_OF(values); j++) {
            zmd_error err = zmd_config_set(config, settings[i], values[j]);

            CHECK_MSG(err == ZMD_ERR_INVALID_CONFIG || err == ZMD_ERR_INVALID_ARGUMENT, "%s, value %d: %s", settings[i],
                      (int)j, zmd_error_name(err));
            check_sentence(settings[i]);
        }
        CHECK_RETURNS(zmd_config_set(config, settings[i], huge), ZMD_ERR_INVALID_CONFIG);
        check_sentence(settings[i]);
    }
    zmd_config_free(config);
    free(huge);
}

static void the_environment_is_checked_like_a_setting(void)
{
    static const char *const values[] = {"soon", "-1", "\xff"};
    zmd_config *config = new_config();
    zmd_client *client = NULL;
    zmd_status status;

    for (size_t i = 0; i < LENGTH_OF(values); i++) {
        CHECK(setenv("ZMD_CONNECT_TIMEOUT_MS", values[i], 1) == 0);
        CHECK_RETURNS(zmd_config_load_env(config), ZMD_ERR_INVALID_CONFIG);
        CHECK_MSG(strstr(zmd_last_error(), "connect_timeout_ms") != NULL ||
                      strstr(zmd_last_error(), "ZMD_CONNECT_TIMEOUT_MS") != NULL,
                  "%s", zmd_last_error());
        check_sentence("the environment");
        CHECK_RETURNS(zmd_client_new(NULL, &client), ZMD_ERR_INVALID_CONFIG);
        CHECK(client == NULL);
    }
    CHECK(unsetenv("ZMD_CONNECT_TIMEOUT_MS") == 0);
    zmd_config_free(config);

    CHECK_OK(zmd_client_new(NULL, &client));
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED);
    zmd_client_free(client);
}

static void a_configuration_file_that_is_named_must_be_there(void)
{
    const char *path = "/nonexistent/zmd/config.toml";
    zmd_config *config = new_config();

    CHECK_RETURNS(zmd_config_load_file(NULL, NULL, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_config_load_file(config, path, NULL), ZMD_ERR_INVALID_CONFIG);
    CHECK_MSG(strstr(zmd_last_error(), path) != NULL, "%s", zmd_last_error());
    CHECK_RETURNS(zmd_config_load_file(config, "\xff", NULL), ZMD_ERR_INVALID_CONFIG);
    CHECK_RETURNS(zmd_config_load_file(config, "/dev/null", "prod"), ZMD_ERR_INVALID_CONFIG);
    CHECK(setenv("ZMD_CONFIG_FILE", "/dev/null", 1) == 0);
    CHECK_OK(zmd_config_load_file(config, NULL, NULL));
    CHECK(unsetenv("ZMD_CONFIG_FILE") == 0);
    zmd_config_free(config);
}

static void one_config_serves_two_clients_that_outlive_it(void)
{
    zmd_config *config = new_config();
    zmd_client *first = NULL, *second = NULL;
    zmd_status status;

    CHECK_OK(zmd_config_load_env(config));
    CHECK_OK(zmd_client_new(config, &first));
    CHECK_OK(zmd_config_set(config, "max_concurrency", "2"));
    CHECK_OK(zmd_client_new(config, &second));
    zmd_config_free(config);
    CHECK(first != second);

    CHECK_OK(zmd_client_status(first, "Leads", "1001", &status));
    CHECK_OK(zmd_client_status(second, "Leads", "1001", &status));
    zmd_client_free(first);
    CHECK_OK(zmd_client_status(second, "Leads", "1001", &status));
    zmd_client_free(second);
}

/* ---- Names and messages ---- */

static void every_number_has_a_name(void)
{
    static const struct {
        int32_t error;
        const char *name;
    } errors[] = {
        {ZMD_OK, "ZMD_OK"},
        {ZMD_ERR_NULL_POINTER, "ZMD_ERR_NULL_POINTER"},
        {ZMD_ERR_INVALID_ARGUMENT, "ZMD_ERR_INVALID_ARGUMENT"},
        {ZMD_ERR_INVALID_CONFIG, "ZMD_ERR_INVALID_CONFIG"},
        {ZMD_ERR_DNS, "ZMD_ERR_DNS"},
        {ZMD_ERR_CONNECT, "ZMD_ERR_CONNECT"},
        {ZMD_ERR_TLS, "ZMD_ERR_TLS"},
        {ZMD_ERR_PROXY, "ZMD_ERR_PROXY"},
        {ZMD_ERR_NETWORK, "ZMD_ERR_NETWORK"},
        {ZMD_ERR_TIMEOUT, "ZMD_ERR_TIMEOUT"},
        {ZMD_ERR_CANCELLED, "ZMD_ERR_CANCELLED"},
        {ZMD_ERR_UNAUTHORIZED, "ZMD_ERR_UNAUTHORIZED"},
        {ZMD_ERR_SCOPE, "ZMD_ERR_SCOPE"},
        {ZMD_ERR_FORBIDDEN, "ZMD_ERR_FORBIDDEN"},
        {ZMD_ERR_INVALID_MODULE, "ZMD_ERR_INVALID_MODULE"},
        {ZMD_ERR_JOB_NOT_FOUND, "ZMD_ERR_JOB_NOT_FOUND"},
        {ZMD_ERR_RATE_LIMITED, "ZMD_ERR_RATE_LIMITED"},
        {ZMD_ERR_SERVER, "ZMD_ERR_SERVER"},
        {ZMD_ERR_API, "ZMD_ERR_API"},
        {ZMD_ERR_BAD_RESPONSE, "ZMD_ERR_BAD_RESPONSE"},
        {ZMD_ERR_OAUTH, "ZMD_ERR_OAUTH"},
        {ZMD_ERR_INTERNAL, "ZMD_ERR_INTERNAL"},
    };
    static const char *const states[] = {"UNKNOWN", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED"};
    static const int32_t any[] = {INT32_MIN, -1, 4, 5, 13, 98, 100, INT32_MAX};

    CHECK(strcmp(zmd_version(), "0.1.0") == 0);
    for (size_t i = 0; i < LENGTH_OF(errors); i++) {
        CHECK_MSG(strcmp(zmd_error_name(errors[i].error), errors[i].name) == 0, "%s is called %s", errors[i].name,
                  zmd_error_name(errors[i].error));
        CHECK_MSG(zmd_error_message(errors[i].error)[0] != '\0', "%s", errors[i].name);
        CHECK_MSG(strchr(zmd_error_message(errors[i].error), '\n') == NULL, "%s", errors[i].name);
    }
    for (size_t i = 0; i < LENGTH_OF(states); i++)
        CHECK_MSG(strcmp(zmd_state_name((int32_t)i), states[i]) == 0, "%s", zmd_state_name((int32_t)i));
    for (size_t i = 0; i < LENGTH_OF(any); i++) {
        CHECK_MSG(zmd_error_name(any[i]) != NULL && zmd_error_name(any[i])[0] != '\0', "%d", (int)any[i]);
        CHECK_MSG(zmd_error_message(any[i]) != NULL && zmd_error_message(any[i])[0] != '\0', "%d", (int)any[i]);
        CHECK_MSG(zmd_state_name(any[i]) != NULL && zmd_state_name(any[i])[0] != '\0', "%d", (int)any[i]);
    }
}

static void the_last_error_lasts_until_the_next_call_that_can_fail(void)
{
    zmd_client *client = new_client("max_retries", "0");
    zmd_client *other = new_client(NULL, NULL);
    zmd_config *config = new_config();
    zmd_status status;
    char text[4096];

    CHECK(zmd_last_error()[0] == '\0' && zmd_last_error_code()[0] == '\0');

    CHECK_RETURNS(zmd_client_status(client, "Leads", "error-NO_PERMISSION", &status), ZMD_ERR_FORBIDDEN);
    CHECK(strlen(zmd_last_error()) < sizeof text);
    strcpy(text, zmd_last_error());

    zmd_version();
    zmd_error_name(ZMD_ERR_TIMEOUT);
    zmd_error_message(-1);
    zmd_state_name(ZMD_STATE_RUNNING);
    zmd_config_free(NULL);
    zmd_client_free(NULL);
    zmd_config_free(config);
    zmd_client_free(other);
    zmd_last_error_code();
    CHECK_MSG(strcmp(zmd_last_error(), text) == 0, "%s became %s", text, zmd_last_error());
    CHECK(strcmp(zmd_last_error_code(), "NO_PERMISSION") == 0);

    /* the next failure replaces it, including the code */
    CHECK_RETURNS(zmd_client_status(client, "Le ads", "1001", &status), ZMD_ERR_INVALID_ARGUMENT);
    CHECK(strcmp(zmd_last_error(), text) != 0);
    CHECK(zmd_last_error_code()[0] == '\0');

    /* each function clears it on success */
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(zmd_last_error_code()[0] == '\0');
    CHECK_RETURNS(zmd_config_new(NULL), ZMD_ERR_NULL_POINTER);
    CHECK_OK(zmd_config_new(&config));
    CHECK_RETURNS(zmd_config_set(config, "timeout_ms", "soon"), ZMD_ERR_INVALID_CONFIG);
    CHECK_OK(zmd_config_set(config, "timeout_ms", "20000"));
    CHECK_RETURNS(zmd_config_load_env(NULL), ZMD_ERR_NULL_POINTER);
    CHECK_OK(zmd_config_load_env(config));
    CHECK_RETURNS(zmd_client_new(config, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_OK(zmd_client_new(config, &other));
    CHECK_RETURNS(zmd_client_set_access_token(other, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_OK(zmd_client_set_access_token(other, getenv("ZMD_ACCESS_TOKEN")));
    CHECK_RETURNS(zmd_simple_status(NULL, NULL, NULL, NULL, NULL, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_OK(zmd_client_status_many(other, NULL, 0, NULL, NULL));

    zmd_config_free(config);
    zmd_client_free(other);
    zmd_client_free(client);
}

struct thread {
    zmd_client *client;
    pthread_barrier_t *both;
    const char *job_id;
    zmd_error error;
    const char *code;
};

static void *fail_beside_another_thread(void *argument)
{
    const struct thread *self = (const struct thread *)argument;
    zmd_status status;

    CHECK(zmd_last_error()[0] == '\0' && zmd_last_error_code()[0] == '\0'); /* a new thread has had no error */

    for (int round = 0; round < 20; round++) {
        CHECK_RETURNS(zmd_client_status(self->client, "Leads", self->job_id, &status), self->error);
        pthread_barrier_wait(self->both);
        CHECK_MSG(strcmp(zmd_last_error_code(), self->code) == 0, "\"%s\"", zmd_last_error_code());
        CHECK_MSG(strstr(zmd_last_error(), self->code) != NULL, "\"%s\"", zmd_last_error());
        pthread_barrier_wait(self->both);
    }
    return NULL;
}

static void each_thread_has_its_own_last_error(void)
{
    zmd_client *client = new_client("max_retries", "0");
    pthread_barrier_t both;
    struct thread threads[] = {
        {client, &both, "error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, "INVALID_TOKEN"},
        {client, &both, "error-NO_PERMISSION", ZMD_ERR_FORBIDDEN, "NO_PERMISSION"},
    };
    pthread_t ids[2];

    CHECK(pthread_barrier_init(&both, NULL, 2) == 0);
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_create(&ids[i], NULL, fail_beside_another_thread, &threads[i]) == 0);
    for (size_t i = 0; i < 2; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&both) == 0);

    CHECK(zmd_last_error()[0] == '\0'); /* no call has failed on this thread */
    zmd_client_free(client);
}

/* ---- Many jobs ---- */

static void many_jobs_are_told_one_by_one(void)
{
    static const size_t counts[] = {1, 7, 200};
    enum { MOST = 200 };
    zmd_client *client = new_client(NULL, NULL);
    const zmd_status completed = status_of(ZMD_STATE_COMPLETED, 200, 9, 9, 0, "COMPLETED");
    zmd_job jobs[MOST];
    zmd_status statuses[MOST];
    zmd_error errors[MOST];

    for (size_t i = 0; i < MOST; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = i % 3 == 2 ? "1002" : "1001"; /* the same job is repeated too */
    }
    for (size_t c = 0; c < LENGTH_OF(counts); c++) {
        size_t count = counts[c];

        spoil(statuses, MOST);
        memset(errors, 0xAA, sizeof errors);
        CHECK_OK(zmd_client_status_many(client, jobs, count, statuses, errors));
        for (size_t i = 0; i < count; i++) {
            CHECK_MSG(errors[i] == ZMD_OK, "job %d of %d: %s", (int)i, (int)count, zmd_error_name(errors[i]));
            if (i % 3 == 2)
                CHECK_MSG(statuses[i].state == ZMD_STATE_RUNNING && statuses[i].total_count == 50000, "job %d", (int)i);
            else
                CHECK_MSG(same_status(&statuses[i], &completed), "job %d of %d", (int)i, (int)count);
        }
        CHECK(is_spoilt(&statuses[count], (MOST - count) * sizeof statuses[0]));
        CHECK(is_spoilt(&errors[count], (MOST - count) * sizeof errors[0]));
    }
    zmd_client_free(client);
}

static void no_jobs_are_no_error(void)
{
    zmd_client *client = new_client(NULL, NULL);
    zmd_job job = {"Leads", "1001"};
    zmd_status status;
    zmd_error err;

    CHECK_OK(zmd_client_status_many(client, NULL, 0, NULL, NULL));

    spoil(&status, 1);
    memset(&err, 0xAA, sizeof err);
    CHECK_OK(zmd_client_status_many(client, &job, 0, &status, &err));
    CHECK(is_spoilt(&status, sizeof status) && is_spoilt(&err, sizeof err));
    zmd_client_free(client);
}

static void a_job_that_fails_disturbs_no_other(void)
{
    enum { COUNT = 9 };
    static const zmd_job jobs[COUNT] = {
        {"Leads", "1001"},
        {"Leads", " 1001 "},
        {"Leads", "error-NO_PERMISSION"},
        {NULL, "1001"},
        {"Leads", "1001"},
        {"Leads", NULL},
        {"Le ads", "1001"},
        {"Leads", "error-INVALID_TOKEN"},
        {"Leads", "1001"},
    };
    static const zmd_error expected[COUNT] = {
        ZMD_OK, ZMD_OK, ZMD_ERR_FORBIDDEN, ZMD_ERR_NULL_POINTER, ZMD_OK, ZMD_ERR_NULL_POINTER, ZMD_ERR_INVALID_ARGUMENT,
        ZMD_ERR_UNAUTHORIZED, ZMD_OK,
    };
    static const int32_t http_statuses[COUNT] = {200, 200, 403, 0, 200, 0, 0, 401, 200};
    zmd_client *client = new_client("max_retries", "0");
    const zmd_status completed = status_of(ZMD_STATE_COMPLETED, 200, 9, 9, 0, "COMPLETED");
    zmd_status statuses[COUNT];
    zmd_error errors[COUNT];

    spoil(statuses, COUNT);
    memset(errors, 0xAA, sizeof errors);
    CHECK_RETURNS(zmd_client_status_many(client, jobs, COUNT, statuses, errors), ZMD_ERR_FORBIDDEN);
    CHECK(strcmp(zmd_last_error_code(), "NO_PERMISSION") == 0);
    check_sentence("many jobs");
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_MSG(errors[i] == expected[i], "job %d: %s", (int)i, zmd_error_name(errors[i]));
        CHECK_MSG(statuses[i].http_status == http_statuses[i], "job %d: HTTP %d", (int)i, (int)statuses[i].http_status);
        if (expected[i] == ZMD_OK)
            CHECK_MSG(same_status(&statuses[i], &completed), "job %d", (int)i);
        else
            CHECK_MSG(is_failure_form(&statuses[i]), "job %d", (int)i);
    }

    /* the first by its index: it had to wait for an answer, while the next one was refused before any request */
    CHECK_RETURNS(zmd_client_status_many(client, &jobs[2], 2, statuses, errors), ZMD_ERR_FORBIDDEN);
    CHECK_RETURNS(zmd_client_status_many(client, &jobs[3], COUNT - 3, statuses, errors), ZMD_ERR_NULL_POINTER);
    CHECK(zmd_last_error_code()[0] == '\0');
    CHECK_RETURNS(zmd_client_status_many(client, &jobs[6], COUNT - 6, statuses, errors), ZMD_ERR_INVALID_ARGUMENT);
    CHECK_RETURNS(zmd_client_status_many(client, &jobs[7], COUNT - 7, statuses, errors), ZMD_ERR_UNAUTHORIZED);
    CHECK(strcmp(zmd_last_error_code(), "INVALID_TOKEN") == 0);
    CHECK_OK(zmd_client_status_many(client, &jobs[8], COUNT - 8, statuses, errors));
    zmd_client_free(client);
}

static void failures_among_200_jobs_stay_in_their_places(void)
{
    enum { COUNT = 200 };
    static const zmd_job cycle[] = {
        {"Leads", "1001"}, {"Leads", "424242"}, {"Leads", "1002"}, {NULL, NULL}, {"Leads", "no id"},
    };
    static const zmd_error expected[] = {
        ZMD_OK, ZMD_ERR_JOB_NOT_FOUND, ZMD_OK, ZMD_ERR_NULL_POINTER, ZMD_ERR_INVALID_ARGUMENT,
    };
    zmd_client *client = new_client("max_concurrency", "3");
    zmd_job jobs[COUNT];
    zmd_status statuses[COUNT];
    zmd_error errors[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        jobs[i] = cycle[i % LENGTH_OF(cycle)];
    spoil(statuses, COUNT);
    memset(errors, 0xAA, sizeof errors);
    CHECK_RETURNS(zmd_client_status_many(client, jobs, COUNT, statuses, errors), ZMD_ERR_JOB_NOT_FOUND);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_MSG(errors[i] == expected[i % LENGTH_OF(cycle)], "job %d: %s", (int)i, zmd_error_name(errors[i]));
        if (errors[i] == ZMD_OK)
            CHECK_MSG(statuses[i].total_count == (i % LENGTH_OF(cycle) == 0 ? 9 : 50000), "job %d", (int)i);
        else
            CHECK_MSG(is_failure_form(&statuses[i]), "job %d", (int)i);
    }
    zmd_client_free(client);
}

static void a_missing_array_is_refused(void)
{
    zmd_client *client = new_client(NULL, NULL);
    const zmd_job jobs[2] = {{"Leads", "1001"}, {"Leads", "1002"}};
    zmd_status statuses[2];
    zmd_error errors[2];

    spoil(statuses, 2);
    memset(errors, 0xAA, sizeof errors);
    CHECK_RETURNS(zmd_client_status_many(client, NULL, 2, statuses, errors), ZMD_ERR_NULL_POINTER);
    CHECK(is_failure_form(&statuses[0]) && is_failure_form(&statuses[1]));
    CHECK(statuses[0].http_status == 0 && statuses[1].http_status == 0);
    CHECK(errors[0] == ZMD_ERR_NULL_POINTER && errors[1] == ZMD_ERR_NULL_POINTER);

    spoil(statuses, 2);
    CHECK_RETURNS(zmd_client_status_many(client, jobs, 2, statuses, NULL), ZMD_ERR_NULL_POINTER);
    CHECK(is_failure_form(&statuses[0]) && is_failure_form(&statuses[1]));
    CHECK(statuses[0].http_status == 0 && statuses[1].http_status == 0);

    CHECK_RETURNS(zmd_client_status_many(client, jobs, 2, NULL, errors), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_client_status_many(client, NULL, 2, NULL, NULL), ZMD_ERR_NULL_POINTER);

    spoil(statuses, 2);
    CHECK_RETURNS(zmd_client_status_many(NULL, jobs, 2, statuses, errors), ZMD_ERR_NULL_POINTER);
    CHECK(is_failure_form(&statuses[0]) && is_failure_form(&statuses[1]));
    zmd_client_free(client);
}

/* ---- The simple function ---- */

static void the_simple_function_takes_null_for_what_is_not_wanted(void)
{
    for (int left_out = -1; left_out < 4; left_out++) { /* -1: all are passed */
        int32_t state = -7;
        int64_t total = -7, deleted = -7, failed = -7;

        CHECK_OK(zmd_simple_status("Leads", "1001", left_out == 0 ? NULL : &state, left_out == 1 ? NULL : &total,
                                   left_out == 2 ? NULL : &deleted, left_out == 3 ? NULL : &failed));
        CHECK(state == (left_out == 0 ? -7 : (int32_t)ZMD_STATE_COMPLETED));
        CHECK(total == (left_out == 1 ? -7 : 9));
        CHECK(deleted == (left_out == 2 ? -7 : 9));
        CHECK(failed == (left_out == 3 ? -7 : 0));

        /* the same for a failure: state UNKNOWN, counts -1 */
        state = -7;
        total = deleted = failed = -7;
        CHECK_RETURNS(zmd_simple_status("Leads", "error-NO_PERMISSION", left_out == 0 ? NULL : &state,
                                        left_out == 1 ? NULL : &total, left_out == 2 ? NULL : &deleted,
                                        left_out == 3 ? NULL : &failed),
                      ZMD_ERR_FORBIDDEN);
        CHECK(strcmp(zmd_last_error_code(), "NO_PERMISSION") == 0);
        CHECK(state == (left_out == 0 ? -7 : (int32_t)ZMD_STATE_UNKNOWN));
        CHECK(total == (left_out == 1 ? -7 : -1));
        CHECK(deleted == (left_out == 2 ? -7 : -1));
        CHECK(failed == (left_out == 3 ? -7 : -1));
    }
    CHECK_OK(zmd_simple_status("Leads", "1002", NULL, NULL, NULL, NULL));
}

static void a_status_is_a_line_of_text(void)
{
    static const char expected[] = "COMPLETED, 9 of 9 deleted, 0 failed";
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;
    char text[128];

    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    memset(text, 'x', sizeof text);
    CHECK(zmd_status_text(&status, text, sizeof text) == strlen(expected));
    CHECK_MSG(strcmp(text, expected) == 0, "%s", text);
    memset(text, 'x', sizeof text);
    CHECK(zmd_status_text(&status, text, 10) == strlen(expected));
    CHECK_MSG(strcmp(text, "COMPLETED") == 0 && text[10] == 'x', "%s", text);
    CHECK(zmd_status_text(&status, NULL, 0) == strlen(expected));
    CHECK(zmd_status_text(NULL, text, sizeof text) == 0 && text[0] == '\0');
    CHECK(zmd_is_successful(status.state, status.total_count, status.deleted_count, status.failed_count) == 1);
    CHECK(zmd_is_successful(status.state, status.total_count, status.deleted_count - 1, 0) == 0);
    CHECK(zmd_is_successful(ZMD_STATE_FAILED, -1, -1, -1) == 0);
    zmd_client_free(client);
}

static void the_simple_function_refuses_bad_input(void)
{
    char *huge = huge_string();
    int32_t state = -7;
    int64_t total = -7, deleted = -7, failed = -7;

    CHECK_RETURNS(zmd_simple_status(NULL, "1001", &state, &total, &deleted, &failed), ZMD_ERR_NULL_POINTER);
    CHECK(state == ZMD_STATE_UNKNOWN && total == -1 && deleted == -1 && failed == -1);
    CHECK_RETURNS(zmd_simple_status("Leads", NULL, &state, NULL, NULL, NULL), ZMD_ERR_NULL_POINTER);
    CHECK_RETURNS(zmd_simple_status("Sales Orders", "1001", &state, NULL, NULL, NULL), ZMD_ERR_INVALID_ARGUMENT);
    CHECK(strstr(zmd_last_error(), "Sales_Orders") != NULL);
    CHECK_RETURNS(zmd_simple_status("Leads", "10\r\n01", NULL, NULL, NULL, NULL), ZMD_ERR_INVALID_ARGUMENT);
    CHECK_RETURNS(zmd_simple_status("Leads", "\xff", NULL, NULL, NULL, NULL), ZMD_ERR_INVALID_ARGUMENT);
    CHECK_RETURNS(zmd_simple_status(huge, huge, NULL, NULL, NULL, NULL), ZMD_ERR_INVALID_ARGUMENT);
    check_sentence("a huge string");
    CHECK_OK(zmd_simple_status("Leads", "\t1001\n", &state, &total, &deleted, &failed));
    CHECK(state == ZMD_STATE_COMPLETED && total == 9 && deleted == 9 && failed == 0);
    free(huge);
}

int main(void)
{
    check_environment();

    a_job_is_told_as_the_server_has_it();
    a_job_id_is_trimmed();
    a_new_access_token_is_used();

    an_error_of_the_service_has_its_own_number();
    a_broken_connection_is_a_network_error();
    a_silent_server_is_a_timeout();
    a_server_out_of_reach_is_told_by_the_step_that_failed();

    null_is_refused_everywhere();
    what_is_no_module_is_refused();
    the_api_name_of_a_module_is_told();
    what_is_no_job_id_is_refused();
    what_is_no_token_is_refused();

    a_bad_setting_is_refused_by_its_name();
    a_good_setting_is_taken();
    a_ca_file_that_holds_no_roots_is_refused();
    garbage_for_a_setting_is_refused();
    the_environment_is_checked_like_a_setting();
    a_configuration_file_that_is_named_must_be_there();
    one_config_serves_two_clients_that_outlive_it();

    every_number_has_a_name();
    the_last_error_lasts_until_the_next_call_that_can_fail();
    each_thread_has_its_own_last_error();

    many_jobs_are_told_one_by_one();
    no_jobs_are_no_error();
    a_job_that_fails_disturbs_no_other();
    failures_among_200_jobs_stay_in_their_places();
    a_missing_array_is_refused();

    a_status_is_a_line_of_text();
    the_simple_function_takes_null_for_what_is_not_wanted();
    the_simple_function_refuses_bad_input();

    return passed("basics");
}
