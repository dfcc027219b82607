/*
 * libcurl with cJSON, as a program would use them that does no more than it must: see bench.h. The trust store is the
 * system's, as libcurl was built to find it; SSL_CERT_FILE and SSL_CERT_DIR are taken as the command curl takes them.
 */
#include "bench.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>

struct peer {
    CURL *curl;
    struct curl_slist *headers;
    size_t length;
    char body[4096];
};

static size_t receive(char *data, size_t size, size_t count, void *user_data)
{
    struct peer *peer = user_data;
    size_t amount = size * count;
    if (peer->length + amount >= sizeof peer->body)
        return 0;
    memcpy(peer->body + peer->length, data, amount);
    peer->length += amount;
    return amount;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialize(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        die("curl_global_init");
}

static void *peer_open(void)
{
    struct peer *peer = calloc(1, sizeof *peer);
    char text[512];

    pthread_once(&once, initialize);
    peer->curl = curl_easy_init();
    if (peer->curl == NULL)
        die("curl_easy_init");
    snprintf(text, sizeof text, "Authorization: Zoho-oauthtoken %s", env("BENCH_TOKEN"));
    peer->headers = curl_slist_append(NULL, text);
    peer->headers = curl_slist_append(peer->headers, "Accept: application/json");
    snprintf(text, sizeof text, "%s/crm/v7/%s/actions/mass_delete?job_id=%s", env("BENCH_URL"), env("BENCH_MODULE"),
             env("BENCH_JOB"));
    curl_easy_setopt(peer->curl, CURLOPT_URL, text);
    curl_easy_setopt(peer->curl, CURLOPT_HTTPHEADER, peer->headers);
    curl_easy_setopt(peer->curl, CURLOPT_USERAGENT, "bench");
    curl_easy_setopt(peer->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(peer->curl, CURLOPT_WRITEDATA, peer);
    curl_easy_setopt(peer->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(peer->curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(peer->curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    if (getenv("SSL_CERT_FILE") != NULL)
        curl_easy_setopt(peer->curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (getenv("SSL_CERT_DIR") != NULL)
        curl_easy_setopt(peer->curl, CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
    return peer;
}

static double number(const cJSON *job, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(job, name);
    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

static void peer_query(void *user_data)
{
    struct peer *peer = user_data;
    const cJSON *job, *state;
    cJSON *json;
    CURLcode code;
    long status = 0;

    peer->length = 0;
    code = curl_easy_perform(peer->curl);
    if (code != CURLE_OK)
        die(curl_easy_strerror(code));
    curl_easy_getinfo(peer->curl, CURLINFO_RESPONSE_CODE, &status);
    json = cJSON_ParseWithLength(peer->body, peer->length);
    job = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "data"), 0);
    state = cJSON_GetObjectItemCaseSensitive(job, "Status");
    if (status != 200 || !cJSON_IsString(state) || strcmp(state->valuestring, EXPECTED_STATE) != 0 ||
        number(job, "Total_Count") != EXPECTED_TOTAL || number(job, "Deleted_Count") != EXPECTED_DELETED ||
        number(job, "Failed_Count") != EXPECTED_FAILED)
        die("another answer");
    cJSON_Delete(json);
}

static void peer_close(void *user_data)
{
    struct peer *peer = user_data;
    curl_easy_cleanup(peer->curl);
    curl_slist_free_all(peer->headers);
    free(peer);
}

int main(int argc, char **argv)
{
    int result = bench_main(argc, argv);
    curl_global_cleanup();
    return result;
}
