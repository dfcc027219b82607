/*
 * zmd-status: prints how far a mass-delete job is. A first example of libzmd as well: main() is all that it takes.
 *
 *     cc -o zmd-status zmd-status.c -lzmd
 *     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy ./zmd-status Leads 111111000000222222
 *
 * The settings come from the environment, see the list in the README; a token on the command line could be read by
 * everybody who may run ps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <zmd.h>

enum { EXIT_COMPLETED = 0, EXIT_FAILED = 1, EXIT_NOT_YET = 2, EXIT_ERROR = 3 };

struct arguments {
    bool json;
    const char *module;
    const char *job_id;
};

static bool parse_arguments(int argc, char **argv, struct arguments *arguments, int *exit_status);
static int print_status(const struct arguments *arguments, const zmd_status *status);
static int print_error(const struct arguments *arguments, zmd_error err, int32_t http_status);
static int close_output(int exit_status);

int main(int argc, char **argv)
{
    struct arguments arguments = {false, NULL, NULL};
    int exit_status = EXIT_ERROR;
    if (!parse_arguments(argc, argv, &arguments, &exit_status))
        return close_output(exit_status);

    zmd_client *client = NULL;
    zmd_status status = {0};
    zmd_error err = zmd_client_new(NULL, &client); /* NULL: the settings are those of the ZMD_* variables */
    if (err == ZMD_OK)
        err = zmd_client_status(client, arguments.module, arguments.job_id, &status);
    if (err == ZMD_OK)
        exit_status = print_status(&arguments, &status);
    else
        exit_status = print_error(&arguments, err, status.http_status);
    zmd_client_free(client);

    return close_output(exit_status);
}

/* ---- The command line ---- */

static const char help[] =
    "Usage: zmd-status [--json] MODULE JOB_ID\n"
    "Prints how far a Zoho CRM mass-delete job is.\n"
    "\n"
    "  MODULE     the API name of the module, such as Leads or Sales_Orders\n"
    "  JOB_ID     the job_id that the service answered when the deletion was scheduled\n"
    "  --json     print one line of JSON; a count that the service did not report is null\n"
    "  --help     print this text\n"
    "  --version  print the version of the library\n"
    "  --         end the options: what follows may begin with '-'\n"
    "\n"
    "The settings come from the environment. ZMD_ACCESS_TOKEN has to be there; ZMD_DATA_CENTER,\n"
    "ZMD_ENVIRONMENT, ZMD_TIMEOUT_MS and the others are listed in the README of libzmd.\n"
    "\n"
    "Exit status: 0 the job is completed, 1 it has failed, 2 it is not at its end yet (or in a state\n"
    "that this version does not know), 3 there was an error, which standard error then tells.\n";

static int usage_error(const char *problem, const char *argument)
{
    fprintf(stderr, "zmd-status: %s%s (try zmd-status --help)\n", problem, argument);
    return EXIT_ERROR;
}

/* True when there is a job to ask about; false when the program is to end with *exit_status. */
static bool parse_arguments(int argc, char **argv, struct arguments *arguments, int *exit_status)
{
    bool options_ended = false;

    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];

        if (!options_ended && argument[0] == '-' && argument[1] != '\0') {
            if (strcmp(argument, "--") == 0) {
                options_ended = true;
            } else if (strcmp(argument, "--json") == 0) {
                arguments->json = true;
            } else if (strcmp(argument, "--help") == 0) {
                fputs(help, stdout);
                *exit_status = EXIT_COMPLETED;
                return false;
            } else if (strcmp(argument, "--version") == 0) {
                printf("zmd-status %s\n", zmd_version());
                *exit_status = EXIT_COMPLETED;
                return false;
            } else {
                *exit_status = usage_error("unknown option ", argument);
                return false;
            }
        } else if (arguments->module == NULL) {
            arguments->module = argument;
        } else if (arguments->job_id == NULL) {
            arguments->job_id = argument;
        } else {
            *exit_status = usage_error("one argument too many: ", argument);
            return false;
        }
    }
    if (arguments->job_id == NULL) {
        *exit_status = usage_error(arguments->module == NULL ? "MODULE and JOB_ID" : "JOB_ID", " missing");
        return false;
    }
    return true;
}

/* ---- The output ---- */

/* The length of the UTF-8 sequence that text begins with; 0 when it begins with none. A NUL ends any sequence. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0];
    unsigned char low = 0x80, high = 0xBF; /* the range of the second byte, narrower after some first bytes */
    size_t length;

    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first == 0xE0)
        low = 0xA0; /* below: an overlong form */
    if (first == 0xED)
        high = 0x9F; /* above: a surrogate */
    if (first == 0xF0)
        low = 0x90; /* below: an overlong form */
    if (first == 0xF4)
        high = 0x8F; /* above: past U+10FFFF */
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xBF)
            return 0;
    return length;
}

/* Prints text as a JSON string. An argument may hold any bytes: what is not UTF-8 becomes U+FFFD. */
static void print_json_string(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    putchar('"');
    while (*at != '\0') {
        size_t length = utf8_length(at);

        if (length == 0) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7F) {
            printf("\\u%04x", *at);
        } else {
            fwrite(at, 1, length, stdout);
        }
        at += length;
    }
    putchar('"');
}

/* Prints text for people: no control character of it may reach their terminal. */
static void print_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F) {
            putchar('?'); /* U+0080 to U+009F: some terminals obey them too */
            at++;
        } else {
            putchar(*at < 0x20 || *at == 0x7F ? '?' : *at);
        }
    }
}

static void print_json_count(const char *name, int64_t count)
{
    if (count < 0)
        printf(",\"%s\":null", name);
    else
        printf(",\"%s\":%" PRId64, name, count);
}

static void print_json_job(const struct arguments *arguments)
{
    fputs("{\"module\":", stdout);
    print_json_string(arguments->module);
    fputs(",\"job_id\":", stdout);
    print_json_string(arguments->job_id);
}

static void print_json_status(const struct arguments *arguments, const zmd_status *status)
{
    print_json_job(arguments);
    printf(",\"state\":\"%s\",\"status\":", zmd_state_name(status->state));
    print_json_string(status->state_text);
    print_json_count("total", status->total_count);
    print_json_count("deleted", status->deleted_count);
    print_json_count("failed", status->failed_count);
    printf(",\"http_status\":%" PRId32 "}\n", status->http_status);
}

static void print_plain_status(const struct arguments *arguments, const zmd_status *status)
{
    /* a state that the library does not know is best told in the server's own word */
    bool own_word = status->state == ZMD_STATE_UNKNOWN && status->state_text[0] != '\0';

    print_plain(arguments->module);
    putchar(' ');
    print_plain(arguments->job_id);
    fputs(": ", stdout);
    print_plain(own_word ? status->state_text : zmd_state_name(status->state));

    if (status->deleted_count >= 0 && status->total_count >= 0)
        printf(", %" PRId64 " of %" PRId64 " deleted", status->deleted_count, status->total_count);
    else if (status->deleted_count >= 0)
        printf(", %" PRId64 " deleted, total not reported", status->deleted_count);
    else if (status->total_count >= 0)
        printf(", deleted not reported of %" PRId64, status->total_count);
    else
        fputs(", deleted and total not reported", stdout);

    if (status->failed_count >= 0)
        printf(", %" PRId64 " failed\n", status->failed_count);
    else
        fputs(", failed not reported\n", stdout);
}

static int print_status(const struct arguments *arguments, const zmd_status *status)
{
    if (arguments->json)
        print_json_status(arguments, status);
    else
        print_plain_status(arguments, status);

    switch (status->state) {
    case ZMD_STATE_COMPLETED:
        return EXIT_COMPLETED;
    case ZMD_STATE_FAILED:
        return EXIT_FAILED;
    default:
        return EXIT_NOT_YET;
    }
}

/* To be called before another call of the library: zmd_last_error() is about the last one. */
static int print_error(const struct arguments *arguments, zmd_error err, int32_t http_status)
{
    fprintf(stderr, "zmd-status: %s\n", zmd_last_error());
    if (arguments->json) {
        print_json_job(arguments);
        printf(",\"error\":\"%s\",\"code\":", zmd_error_name(err));
        print_json_string(zmd_last_error_code());
        fputs(",\"message\":", stdout);
        print_json_string(zmd_last_error());
        printf(",\"http_status\":%" PRId32 "}\n", http_status);
    }
    return EXIT_ERROR;
}

/* What a full disk did not take must not end as a success: the output is buffered, so this is where it shows. */
static int close_output(int exit_status)
{
    bool failed_before = ferror(stdout) != 0;

    if (fclose(stdout) == 0 && !failed_before)
        return exit_status;
    fprintf(stderr, "zmd-status: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_ERROR;
}
