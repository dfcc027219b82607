/*
 * zmd-status: prints how far mass-delete jobs are, or waits for their end. A first example of libzmd as well: main()
 * and ask() are all that it takes.
 *
 *     cc -o zmd-status zmd-status.c -lzmd -lpthread
 *     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy ./zmd-status Leads 111111000000222222
 *
 * The settings come from the environment, see the list in the README; a token on the command line could be read by
 * everybody who may run ps.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zmd.h>

/* Of several jobs, the one with the highest counts. */
enum { EXIT_COMPLETED = 0, EXIT_FAILED = 1, EXIT_NOT_YET = 2, EXIT_ERROR = 3, EXIT_SIGNAL = 128 };

/* What the command line asks for. */
struct question {
    bool json;
    bool wait;
    int64_t timeout_ms; /* of the wait; -1: none */
    size_t count;
    zmd_job *jobs;
};

/* What a wait has heard of a job so far. */
struct heard {
    bool has_status;
    zmd_status status; /* the last one */
    double done_first; /* the records done with when the job was first heard of */
    double next_poll;  /* when the job will be asked for again; 0: it won't be, or nobody knows */
    zmd_error error;   /* of the last poll; what it was is on stderr already */
    char message[1024];
    char code[128];
};

/* The answers, one a job in each array. */
struct answers {
    zmd_status *statuses;
    zmd_error *errors;
    struct heard *heard;
};

/* What standard error shows of a wait. */
struct progress {
    const struct question *question;
    struct heard *heard;
    int width;    /* of the line that is drawn again and again; 0: stderr is no terminal */
    bool is_drawn;
    double first; /* when the first answer came, and the last; 0: none yet */
    double last;
};

/* A thread that waits for SIGINT and SIGTERM, and meanwhile draws the line every second. */
struct watcher {
    pthread_t thread;
    bool is_started;
    sigset_t signals;
    sigset_t mask_before;
    zmd_client *client;
    struct progress *progress;
    bool is_over;
    int caught;
};

/* Whoever holds it may use a watcher's last two fields, a progress with what it points to, and stderr. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool parse_arguments(int argc, char **argv, struct question *question, int *exit_status);
static bool make_answers(const struct question *question, struct answers *answers);
static void free_all(struct question *question, struct answers *answers);
static void hold_signals(struct watcher *watcher);
static void start_watching(struct watcher *watcher, zmd_client *client, struct progress *progress);
static int stop_watching(struct watcher *watcher);
static void begin_progress(struct progress *progress, const struct question *question, struct heard *heard);
static int32_t hear(void *user_data, size_t index, int32_t error, const zmd_status *status);
static void hear_log(void *user_data, int32_t level, const char *message);
static int print_answers(const struct question *question, struct answers *answers);
static int print_no_client(const struct question *question, struct answers *answers, zmd_error err);
static int print_interrupted(int caught);
static int close_output(int exit_status);

/* Asks for the jobs, once or until they have ended. What comes of it is in the answers. */
static void ask(zmd_client *client, const struct question *question, struct answers *answers, struct progress *progress)
{
    const zmd_job *jobs = question->jobs;

    if (question->count == 1 && question->wait)
        answers->errors[0] = zmd_client_wait(client, jobs[0].module, jobs[0].job_id, question->timeout_ms, hear,
                                             progress, &answers->statuses[0]);
    else if (question->count == 1)
        answers->errors[0] = zmd_client_status(client, jobs[0].module, jobs[0].job_id, &answers->statuses[0]);
    else if (question->wait)
        zmd_client_wait_many(client, jobs, question->count, question->timeout_ms, hear, progress, answers->statuses,
                             answers->errors);
    else
        zmd_client_status_many(client, jobs, question->count, answers->statuses, answers->errors);
}

int main(int argc, char **argv)
{
    struct question question = {.timeout_ms = -1};
    struct answers answers = {0};
    struct progress progress = {0};
    struct watcher watcher = {0};
    zmd_client *client = NULL;
    int exit_status = EXIT_ERROR;
    int caught = 0;

    if (parse_arguments(argc, argv, &question, &exit_status) && make_answers(&question, &answers)) {
        begin_progress(&progress, &question, answers.heard);
        hold_signals(&watcher);
        zmd_error err = zmd_client_new(NULL, &client); /* NULL: the settings are those of the ZMD_* variables */
        if (err == ZMD_OK) {
            start_watching(&watcher, client, &progress);
            if (progress.width > 0)
                zmd_set_logger(hear_log, &progress, 4);
            ask(client, &question, &answers, &progress);
            caught = stop_watching(&watcher);
        }
        if (err != ZMD_OK)
            exit_status = print_no_client(&question, &answers, err);
        else if (caught != 0)
            exit_status = print_interrupted(caught);
        else
            exit_status = print_answers(&question, &answers);
        zmd_set_logger(NULL, NULL, 0); /* not before: it would clear the last error */
        zmd_client_free(client);
    }
    free_all(&question, &answers);
    return close_output(exit_status);
}

/* ---- The command line ---- */

static const char help[] =
    "Usage: zmd-status [--json] [--wait [--timeout SECONDS]] MODULE JOB_ID\n"
    "       zmd-status [--json] [--wait [--timeout SECONDS]] MODULE:JOB_ID...\n"
    "Prints how far Zoho CRM mass-delete jobs are, one line a job, in the order of the arguments.\n"
    "\n"
    "  MODULE     the API name of the module, such as Leads or Sales_Orders\n"
    "  JOB_ID     the job_id that the service answered when the deletion was scheduled\n"
    "  --wait     come back when every job has ended; meanwhile standard error tells of the progress:\n"
    "             a terminal gets one line that is drawn again and again, as wide as COLUMNS says\n"
    "             (or 80), anything else a line for each change and each error that may pass\n"
    "  --timeout SECONDS\n"
    "             wait no longer than that; fractions are fine, 0 asks once; without it there is no limit\n"
    "  --json     print one line of JSON a job; a count that the service did not report is null\n"
    "  --help     print this text\n"
    "  --version  print the version of the library\n"
    "  --         end the options: what follows may begin with '-'\n"
    "\n"
    "Ctrl-C (SIGINT) and SIGTERM end the asking, not the jobs; a second one ends it without delay.\n"
    "\n"
    "The settings come from the environment. ZMD_ACCESS_TOKEN has to be there; ZMD_DATA_CENTER,\n"
    "ZMD_ENVIRONMENT, ZMD_TIMEOUT_MS and the others are listed in the README of libzmd.\n"
    "\n"
    "Exit status: 0 the job is completed, 1 it has failed, 2 it is not at its end yet, also not when\n"
    "the time of --timeout was over (or in a state that this version does not know), 3 there was an\n"
    "error, which standard error then tells, or no answer in time. Of several jobs the highest of these\n"
    "counts. 130 after SIGINT, 143 after SIGTERM.\n";

static int usage_error(const char *problem, const char *argument)
{
    fprintf(stderr, "zmd-status: %s%s (try zmd-status --help)\n", problem, argument);
    return EXIT_ERROR;
}

/* A decimal number of seconds as milliseconds, rounded up: only 0 is to mean 0. */
static bool parse_seconds(const char *text, int64_t *milliseconds)
{
    char *end = NULL;
    double product;

    if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0')
        return false; /* strtod takes more than that: signs, blanks, exponents, "inf" */
    product = strtod(text, &end) * 1000.0;
    if (end == text || *end != '\0' || product > 1e15)
        return false;
    *milliseconds = (int64_t)product;
    if ((double)*milliseconds < product)
        ++*milliseconds;
    return true;
}

/* Makes jobs of the arguments that are no options. */
static bool parse_jobs(struct question *question, char **names, size_t count, int *exit_status)
{
    size_t with_colon = 0;

    for (size_t i = 0; i < count; i++)
        with_colon += strchr(names[i], ':') != NULL;

    if (count > 0 && with_colon == count) {
        for (size_t i = 0; i < count; i++) {
            char *colon = strchr(names[i], ':');

            *colon = '\0';
            question->jobs[i].module = names[i];
            question->jobs[i].job_id = colon + 1;
        }
        question->count = count;
        return true;
    }
    if (count == 2 && with_colon == 0) {
        question->jobs[0].module = names[0];
        question->jobs[0].job_id = names[1];
        question->count = 1;
        return true;
    }
    if (with_colon > 0) {
        size_t i = 0;

        while (strchr(names[i], ':') != NULL)
            i++;
        *exit_status = usage_error("not of the form MODULE:JOB_ID, as the others are: ", names[i]);
    } else if (count > 2) {
        *exit_status = usage_error("one argument too many: ", names[2]);
    } else {
        *exit_status = usage_error(count == 0 ? "MODULE and JOB_ID" : "JOB_ID", " missing");
    }
    return false;
}

/* True when there are jobs to ask about; false when the program is to end with *exit_status. */
static bool parse_arguments(int argc, char **argv, struct question *question, int *exit_status)
{
    bool options_ended = false;
    const char *timeout = NULL;
    char **names = argv; /* those of the jobs move to the front */
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];

        if (options_ended || argument[0] != '-' || argument[1] == '\0') {
            names[count++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            options_ended = true;
        } else if (strcmp(argument, "--json") == 0) {
            question->json = true;
        } else if (strcmp(argument, "--wait") == 0) {
            question->wait = true;
        } else if (strncmp(argument, "--timeout=", 10) == 0) {
            timeout = argument + 10;
        } else if (strcmp(argument, "--timeout") == 0) {
            if (++i == argc) {
                *exit_status = usage_error("--timeout", " needs a number of seconds");
                return false;
            }
            timeout = argv[i];
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
    }
    if (timeout != NULL && !parse_seconds(timeout, &question->timeout_ms)) {
        *exit_status = usage_error("--timeout takes a number of seconds such as 90 or 0.5, not ", timeout);
        return false;
    }
    if (timeout != NULL && !question->wait) {
        *exit_status = usage_error("--timeout", " is for --wait");
        return false;
    }
    question->jobs = calloc(count + 1, sizeof *question->jobs);
    if (question->jobs == NULL) {
        fputs("zmd-status: out of memory\n", stderr);
        return false;
    }
    return parse_jobs(question, names, count, exit_status);
}

static bool make_answers(const struct question *question, struct answers *answers)
{
    answers->statuses = calloc(question->count, sizeof *answers->statuses);
    answers->errors = calloc(question->count, sizeof *answers->errors);
    answers->heard = calloc(question->count, sizeof *answers->heard);
    if (answers->statuses != NULL && answers->errors != NULL && answers->heard != NULL)
        return true;
    fputs("zmd-status: out of memory\n", stderr);
    return false;
}

static void free_all(struct question *question, struct answers *answers)
{
    free(question->jobs);
    free(answers->statuses);
    free(answers->errors);
    free(answers->heard);
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
static void print_plain(FILE *file, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F) {
            putc('?', file); /* U+0080 to U+009F: some terminals obey them too */
            at++;
        } else {
            putc(*at < 0x20 || *at == 0x7F ? '?' : *at, file);
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

static void print_json_job(const zmd_job *job)
{
    fputs("{\"module\":", stdout);
    print_json_string(job->module);
    fputs(",\"job_id\":", stdout);
    print_json_string(job->job_id);
}

static void print_json_status(const zmd_job *job, const zmd_status *status)
{
    print_json_job(job);
    printf(",\"state\":\"%s\",\"status\":", zmd_state_name(status->state));
    print_json_string(status->state_text);
    print_json_count("total", status->total_count);
    print_json_count("deleted", status->deleted_count);
    print_json_count("failed", status->failed_count);
    printf(",\"http_status\":%" PRId32 "}\n", status->http_status);
}

static void print_plain_status(FILE *file, const zmd_job *job, const zmd_status *status)
{
    /* a state that the library does not know is best told in the server's own word */
    bool own_word = status->state == ZMD_STATE_UNKNOWN && status->state_text[0] != '\0';

    print_plain(file, job->module);
    putc(' ', file);
    print_plain(file, job->job_id);
    fputs(": ", file);
    print_plain(file, own_word ? status->state_text : zmd_state_name(status->state));

    if (status->deleted_count >= 0 && status->total_count >= 0)
        fprintf(file, ", %" PRId64 " of %" PRId64 " deleted", status->deleted_count, status->total_count);
    else if (status->deleted_count >= 0)
        fprintf(file, ", %" PRId64 " deleted, total not reported", status->deleted_count);
    else if (status->total_count >= 0)
        fprintf(file, ", deleted not reported of %" PRId64, status->total_count);
    else
        fputs(", deleted and total not reported", file);

    if (status->failed_count >= 0)
        fprintf(file, ", %" PRId64 " failed\n", status->failed_count);
    else
        fputs(", failed not reported\n", file);
}

static int print_status(const struct question *question, size_t index, const zmd_status *status)
{
    if (question->json)
        print_json_status(&question->jobs[index], status);
    else
        print_plain_status(stdout, &question->jobs[index], status);

    switch (status->state) {
    case ZMD_STATE_COMPLETED:
        return EXIT_COMPLETED;
    case ZMD_STATE_FAILED:
        return EXIT_FAILED;
    default:
        return EXIT_NOT_YET;
    }
}

/* Tells people of an error; not every sentence names its job. */
static void report_error(const struct question *question, size_t index, const char *message)
{
    fputs("zmd-status: ", stderr);
    if (question->count > 1) {
        print_plain(stderr, question->jobs[index].module);
        putc(' ', stderr);
        print_plain(stderr, question->jobs[index].job_id);
        fputs(": ", stderr);
    }
    fprintf(stderr, "%s\n", message);
}

static int print_json_error(const zmd_job *job, zmd_error err, const struct heard *heard, int32_t http_status)
{
    print_json_job(job);
    printf(",\"error\":\"%s\",\"code\":", zmd_error_name(err));
    print_json_string(heard->code);
    fputs(",\"message\":", stdout);
    print_json_string(heard->message);
    printf(",\"http_status\":%" PRId32 "}\n", http_status);
    return EXIT_ERROR;
}

static void keep_sentence(struct heard *heard, const char *message, const char *code)
{
    snprintf(heard->message, sizeof heard->message, "%s", message);
    snprintf(heard->code, sizeof heard->code, "%s", code);
}

/* To be called before another call of the library: zmd_last_error() is about the last one. */
static int print_answers(const struct question *question, struct answers *answers)
{
    int worst = EXIT_COMPLETED;
    size_t late = 0;

    for (size_t i = 0; i < question->count; i++) {
        zmd_error err = answers->errors[i];
        const zmd_status *status = &answers->statuses[i];
        struct heard *heard = &answers->heard[i];
        bool is_late = question->wait && err == ZMD_ERR_TIMEOUT;
        bool is_told = heard->error == err && !is_late;
        int exit_status;

        if (err != ZMD_OK && question->count == 1)
            keep_sentence(heard, zmd_last_error(), zmd_last_error_code());
        else if (err != ZMD_OK)
            keep_sentence(heard, zmd_last_error_of_job(i), zmd_last_error_code_of_job(i));

        late += is_late;
        if (err == ZMD_OK || (is_late && status->state_text[0] != '\0')) {
            exit_status = print_status(question, i, status);
        } else {
            if (!is_told)
                report_error(question, i, heard->message);
            if (question->json)
                print_json_error(&question->jobs[i], err, heard, status->http_status);
            exit_status = EXIT_ERROR;
        }
        if (exit_status > worst)
            worst = exit_status;
    }
    if (late > 0 && question->count == 1)
        fputs("zmd-status: the time is over, and the job has not ended\n", stderr);
    else if (late > 0)
        fprintf(stderr, "zmd-status: the time is over, and %zu of %zu jobs have not ended\n", late, question->count);
    return worst;
}

static int print_no_client(const struct question *question, struct answers *answers, zmd_error err)
{
    fprintf(stderr, "zmd-status: %s\n", zmd_last_error());
    for (size_t i = 0; i < question->count && question->json; i++) {
        keep_sentence(&answers->heard[i], zmd_last_error(), zmd_last_error_code());
        print_json_error(&question->jobs[i], err, &answers->heard[i], 0);
    }
    return EXIT_ERROR;
}

static int print_interrupted(int caught)
{
    fprintf(stderr, "zmd-status: %s before the answer was there; what the service does goes on\n",
            caught == SIGINT ? "interrupted" : "terminated");
    return EXIT_SIGNAL + caught;
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

/* ---- The progress of a wait ---- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void begin_progress(struct progress *progress, const struct question *question, struct heard *heard)
{
    const char *columns = getenv("COLUMNS");
    long width = columns != NULL ? strtol(columns, NULL, 10) : 0;

    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines: another program may write to the same place */
    progress->question = question;
    progress->heard = heard;
    if (question->wait && isatty(STDERR_FILENO))
        progress->width = (width >= 20 && width <= 500 ? (int)width : 80) - 1; /* some wrap after the last column */
}

/* A line that never grows longer than its room. */
struct line {
    char text[512];
    size_t length;
};

static void append(struct line *line, const char *format, ...)
{
    size_t room = sizeof line->text - line->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void append_time(struct line *line, double seconds)
{
    int64_t whole = (int64_t)seconds;

    if (whole >= 3600)
        append(line, "%" PRId64 ":%02d:%02d", whole / 3600, (int)(whole / 60 % 60), (int)(whole % 60));
    else
        append(line, "%d:%02d", (int)(whole / 60), (int)(whole % 60));
}

/* A count, 0 where it was not reported. As a double, because no sum of whatever a server says can overflow one. */
static double known(int64_t count)
{
    return count > 0 ? (double)count : 0;
}

/* Whether the job is known not to be over. */
static bool goes_on(const zmd_status *status)
{
    return status->state != ZMD_STATE_COMPLETED && status->state != ZMD_STATE_FAILED && status->state != ZMD_STATE_UNKNOWN;
}

/* The sums over all jobs. */
struct sums {
    size_t completed, failed, unended, silent, of_unknown_state; /* jobs; silent: there was no answer yet */
    double total, records_deleted, records_failed, done_first;
    bool has_total; /* of every job that was heard of */
};

static struct sums add_up(const struct progress *progress)
{
    struct sums sums = {.has_total = true};

    for (size_t i = 0; i < progress->question->count; i++) {
        const struct heard *heard = &progress->heard[i];

        if (!heard->has_status) {
            sums.silent++;
            continue;
        }
        sums.completed += heard->status.state == ZMD_STATE_COMPLETED;
        sums.failed += heard->status.state == ZMD_STATE_FAILED;
        sums.unended += goes_on(&heard->status);
        sums.of_unknown_state += heard->status.state == ZMD_STATE_UNKNOWN;
        sums.has_total = sums.has_total && heard->status.total_count >= 0;
        sums.total += known(heard->status.total_count);
        sums.records_deleted += known(heard->status.deleted_count);
        sums.records_failed += known(heard->status.failed_count);
        sums.done_first += heard->done_first;
    }
    return sums;
}

static void append_jobs(struct line *line, const struct progress *progress, const struct sums *sums)
{
    if (progress->question->count == 1) {
        if (progress->heard[0].status.state != ZMD_STATE_RUNNING)
            append(line, "%s, ", zmd_state_name(progress->heard[0].status.state)); /* RUNNING is plain to see */
        return;
    }
    append(line, "%zu completed, %zu failed, %zu running", sums->completed, sums->failed, sums->unended);
    if (sums->of_unknown_state > 0)
        append(line, ", %zu unknown", sums->of_unknown_state);
    if (sums->silent > 0)
        append(line, ", %zu silent", sums->silent);
    append(line, "; ");
}

/* How long until the next job is asked for again. */
static void append_next_poll(struct line *line, const struct progress *progress)
{
    double next = 0;

    for (size_t i = 0; i < progress->question->count; i++) {
        double at = progress->heard[i].next_poll;

        if (at > 0 && (next <= 0 || at < next))
            next = at;
    }
    if (next > 0)
        append(line, ", next poll in %.0f s", next > now() ? next - now() : 0);
}

static void append_records(struct line *line, const struct progress *progress, const struct sums *sums)
{
    double done = sums->records_deleted + sums->records_failed;
    double left = sums->total - done;
    double age = now() - progress->last;

    append(line, "%.0f", sums->records_deleted);
    if (sums->has_total)
        append(line, " of %.0f", sums->total);
    append(line, " deleted, %.0f failed", sums->records_failed);

    if (progress->last - progress->first >= 0.1) { /* before, a rate would be a guess */
        double rate = (done - sums->done_first) / (progress->last - progress->first);

        append(line, rate < 10 ? ", %.1f/s" : ", %.0f/s", rate);
        if (sums->has_total && rate > 0 && left >= 0 && left / rate < 360000) {
            append(line, ", ");
            append_time(line, left / rate > age ? left / rate - age : 0);
            append(line, " left");
        }
    }
    append_next_poll(line, progress);
}

/* A bar in front of a line, if the width leaves room for one. */
static void put_bar(struct line *line, double part, int width)
{
    struct line bar = {.length = 0};
    int room = width - (int)line->length - (int)sizeof "[] 100%";
    int length = room < 30 ? room : 30;

    if (length < 5)
        return;
    append(&bar, "[");
    for (int i = 0; i < length; i++)
        append(&bar, (i + 1) <= part * length ? "#" : "-");
    append(&bar, "] %3d%% %s", (int)(part * 100), line->text);
    *line = bar;
}

static void draw(struct progress *progress)
{
    struct sums sums = add_up(progress);
    struct line line = {.length = 0};

    if (progress->width == 0)
        return;
    if (sums.silent == progress->question->count) {
        append(&line, "no answer yet");
    } else {
        double part = sums.total > 0 ? (sums.records_deleted + sums.records_failed) / sums.total : 0;

        append_jobs(&line, progress, &sums);
        append_records(&line, progress, &sums);
        if (progress->question->count == 1 && sums.total > 0)
            put_bar(&line, part < 1 ? part : 1, progress->width);
    }
    fprintf(stderr, "\r%-*.*s", progress->width, progress->width, line.text);
    fflush(stderr);
    progress->is_drawn = true;
}

static void erase(struct progress *progress)
{
    if (progress->is_drawn)
        fprintf(stderr, "\r%*s\r", progress->width, "");
    fflush(stderr);
    progress->is_drawn = false;
}

static bool differ(const zmd_status *one, const zmd_status *other)
{
    return one->state != other->state || one->total_count != other->total_count ||
           one->deleted_count != other->deleted_count || one->failed_count != other->failed_count;
}

/* The library logs a line when it knows when it will ask again, which is the one that is of interest here. */
static void hear_log(void *user_data, int32_t level, const char *message)
{
    struct progress *progress = user_data;
    size_t index;
    long milliseconds;

    (void)level;
    if (sscanf(message, "zmd::wait: jobs[%zu]: next poll in %ld ms", &index, &milliseconds) == 2) {
        pthread_mutex_lock(&lock);
        progress->heard[index].next_poll = now() + (double)milliseconds / 1000;
        pthread_mutex_unlock(&lock);
    }
}

/* The library calls it after every poll. */
static int32_t hear(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    struct progress *progress = user_data;
    struct heard *heard = &progress->heard[index];

    pthread_mutex_lock(&lock);
    bool is_news = error != heard->error || (error == ZMD_OK && (!heard->has_status || differ(status, &heard->status)));

    heard->error = error;
    if (error == ZMD_OK) {
        if (!heard->has_status)
            heard->done_first = known(status->deleted_count) + known(status->failed_count);
        heard->status = *status;
        heard->has_status = true;
        if (status->state == ZMD_STATE_COMPLETED || status->state == ZMD_STATE_FAILED)
            heard->next_poll = 0;
        progress->last = now();
        if (progress->first <= 0)
            progress->first = progress->last;
        if (is_news && progress->width == 0)
            print_plain_status(stderr, &progress->question->jobs[index], status);
    } else {
        keep_sentence(heard, zmd_last_error(), zmd_last_error_code());
        if (is_news) {
            erase(progress);
            report_error(progress->question, index, heard->message);
        }
    }
    draw(progress);
    pthread_mutex_unlock(&lock);
    return 0; /* go on */
}

/* ---- Ctrl-C ---- */

/*
 * zmd_client_cancel() is nothing for a signal handler. So both signals are held back in every thread, and a thread
 * of its own waits for them: there it may call what it likes.
 */
static void hold_signals(struct watcher *watcher)
{
    sigemptyset(&watcher->signals);
    sigaddset(&watcher->signals, SIGINT);
    sigaddset(&watcher->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &watcher->signals, &watcher->mask_before);
}

/* A shell without job control has its background jobs ignore Ctrl-C: that is to stay so. */
static bool is_ignored(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    const struct timespec second = {1, 0};
    bool is_over = false;

    while (!is_over) {
        int signal_number = watcher->progress->width > 0 ? sigtimedwait(&watcher->signals, NULL, &second)
                                                         : sigwaitinfo(&watcher->signals, NULL);
        bool is_to_cancel = false;

        pthread_mutex_lock(&lock);
        is_over = watcher->is_over;
        if (!is_over && signal_number > 0 && !is_ignored(signal_number)) {
            if (watcher->caught != 0)
                _exit(EXIT_SIGNAL + signal_number); /* the second one: no more patience */
            watcher->caught = signal_number;
            is_to_cancel = true;
        } else if (!is_over && watcher->caught == 0) {
            draw(watcher->progress);
        }
        pthread_mutex_unlock(&lock);
        if (is_to_cancel)
            zmd_client_cancel(watcher->client);
    }
    return NULL;
}

static void start_watching(struct watcher *watcher, zmd_client *client, struct progress *progress)
{
    watcher->client = client;
    watcher->progress = progress;
    watcher->is_started = pthread_create(&watcher->thread, NULL, watch, watcher) == 0;
    if (!watcher->is_started) /* then a signal ends the program where it stands, which does no harm */
        pthread_sigmask(SIG_SETMASK, &watcher->mask_before, NULL);
}

/* Returns the signal that came, or 0. */
static int stop_watching(struct watcher *watcher)
{
    if (watcher->is_started) {
        pthread_mutex_lock(&lock);
        watcher->is_over = true;
        pthread_mutex_unlock(&lock);
        pthread_kill(watcher->thread, SIGTERM); /* wakes it */
        pthread_join(watcher->thread, NULL);
    }
    erase(watcher->progress);
    pthread_sigmask(SIG_SETMASK, &watcher->mask_before, NULL);
    return watcher->caught;
}
