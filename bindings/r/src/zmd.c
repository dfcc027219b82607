/* libzmd for R: what .Call needs between R's values and C's. R/zmd.R has the functions for users. */
#include <zmd.h>

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Rdynload.h>
#include <Rinternals.h>

/* R's errors and interrupts jump: never past a function of the library, nor past memory that it owns. */

static void *open_pointer(SEXP pointer)
{
    void *address = R_ExternalPtrAddr(pointer);
    if (address == NULL)
        Rf_errorcall(R_NilValue, "it is closed");
    return address;
}

static SEXP text_of(const char *text)
{
    return Rf_ScalarString(Rf_mkCharCE(text, CE_UTF8));
}

/* NULL: R's NULL. */
static const char *text_or_null(SEXP text)
{
    return text == R_NilValue ? NULL : CHAR(STRING_ELT(text, 0));
}

static SEXP count_of(int64_t count)
{
    return Rf_ScalarReal(count == -1 ? NA_REAL : (double)count);
}

static SEXP seconds_of(int64_t milliseconds)
{
    return Rf_ScalarReal(milliseconds < 0 ? NA_REAL : (double)milliseconds / 1000);
}

/* NULL if the service has reported none. */
static SEXP list_of_status(const zmd_status *status)
{
    const char *names[] = {"state",        "state_text",    "http_status", "total_count", "deleted_count",
                           "failed_count", "is_successful", "has_ended",   "text",        ""};
    char text[256];
    SEXP list;
    if (status->state_text[0] == '\0')
        return R_NilValue;
    list = PROTECT(Rf_mkNamed(VECSXP, names));
    zmd_status_text(status, text, sizeof text);
    SET_VECTOR_ELT(list, 0, text_of(zmd_state_name(status->state)));
    SET_VECTOR_ELT(list, 1, text_of(status->state_text));
    SET_VECTOR_ELT(list, 2, Rf_ScalarInteger(status->http_status));
    SET_VECTOR_ELT(list, 3, count_of(status->total_count));
    SET_VECTOR_ELT(list, 4, count_of(status->deleted_count));
    SET_VECTOR_ELT(list, 5, count_of(status->failed_count));
    SET_VECTOR_ELT(list, 6, Rf_ScalarLogical(zmd_status_is_successful(status)));
    SET_VECTOR_ELT(list, 7, Rf_ScalarLogical(zmd_status_has_ended(status)));
    SET_VECTOR_ELT(list, 8, text_of(text));
    UNPROTECT(1);
    return list;
}

/* NULL where there is none. */
static SEXP list_of_error(int32_t error, const char *message, const char *code)
{
    const char *names[] = {"number", "name", "code", "message", "is_transient", ""};
    SEXP list;
    if (error == ZMD_OK)
        return R_NilValue;
    list = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(list, 0, Rf_ScalarInteger(error));
    SET_VECTOR_ELT(list, 1, text_of(zmd_error_name(error)));
    SET_VECTOR_ELT(list, 2, text_of(code));
    SET_VECTOR_ELT(list, 3, text_of(message));
    SET_VECTOR_ELT(list, 4, Rf_ScalarLogical(zmd_error_is_transient(error)));
    UNPROTECT(1);
    return list;
}

/* The result of a call: list(value, error), one of which is NULL. */
static SEXP result_of(int32_t error, SEXP value)
{
    const char *names[] = {"value", "error", ""};
    SEXP result;
    PROTECT(value);
    result = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(result, 0, value);
    SET_VECTOR_ELT(result, 1, list_of_error(error, zmd_last_error(), zmd_last_error_code()));
    UNPROTECT(2);
    return result;
}

static void close_client(SEXP pointer)
{
    zmd_client_free(R_ExternalPtrAddr(pointer));
    R_ClearExternalPtr(pointer);
}

static void close_waits(SEXP pointer)
{
    zmd_waits_free(R_ExternalPtrAddr(pointer));
    R_ClearExternalPtr(pointer);
}

/* environment: TRUE or FALSE; file, profile: a string or NULL; keys, values: character vectors of the same length. All strings
   are in UTF-8. */
static SEXP zmd_r_new(SEXP environment, SEXP file, SEXP profile, SEXP keys, SEXP values)
{
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue)), result;
    zmd_error error = zmd_config_new(&config);
    R_xlen_t i;
    R_RegisterCFinalizerEx(pointer, close_client, TRUE);
    if (error == ZMD_OK && Rf_asLogical(environment))
        error = zmd_config_load_env(config);
    if (error == ZMD_OK && Rf_asLogical(environment))
        error = zmd_config_load_file(config, text_or_null(file), text_or_null(profile));
    for (i = 0; error == ZMD_OK && i < XLENGTH(keys); i++)
        error = zmd_config_set(config, CHAR(STRING_ELT(keys, i)), CHAR(STRING_ELT(values, i)));
    if (error == ZMD_OK)
        error = zmd_client_new(config, &client);
    R_SetExternalPtrAddr(pointer, client);
    zmd_config_free(config); /* which leaves the last error as it is */
    result = result_of(error, pointer);
    UNPROTECT(1);
    return result;
}

static SEXP zmd_r_close(SEXP pointer)
{
    close_client(pointer);
    return R_NilValue;
}

static SEXP zmd_r_set_access_token(SEXP pointer, SEXP token)
{
    return result_of(zmd_client_set_access_token(open_pointer(pointer), CHAR(STRING_ELT(token, 0))), R_NilValue);
}

static SEXP zmd_r_credits(SEXP pointer)
{
    return count_of(zmd_client_credits(open_pointer(pointer)));
}

static SEXP zmd_r_counters(SEXP pointer)
{
    const char *names[] = {"calls",       "polls",      "retries",        "rate_limits", "token_requests",
                           "connections", "bytes_sent", "bytes_received", "waited_ms",   ""};
    zmd_counters counters;
    zmd_error error = zmd_client_counters(open_pointer(pointer), &counters, sizeof counters);
    SEXP list, result;
    if (error != ZMD_OK)
        return result_of(error, R_NilValue);
    list = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(list, 0, count_of(counters.calls));
    SET_VECTOR_ELT(list, 1, count_of(counters.polls));
    SET_VECTOR_ELT(list, 2, count_of(counters.retries));
    SET_VECTOR_ELT(list, 3, count_of(counters.rate_limits));
    SET_VECTOR_ELT(list, 4, count_of(counters.token_requests));
    SET_VECTOR_ELT(list, 5, count_of(counters.connections));
    SET_VECTOR_ELT(list, 6, count_of(counters.bytes_sent));
    SET_VECTOR_ELT(list, 7, count_of(counters.bytes_received));
    SET_VECTOR_ELT(list, 8, count_of(counters.waited_ms));
    result = result_of(ZMD_OK, list);
    UNPROTECT(1);
    return result;
}

static SEXP zmd_r_waits_new(SEXP client)
{
    zmd_waits *waits = NULL;
    SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue)), result;
    zmd_error error;
    R_RegisterCFinalizerEx(pointer, close_waits, TRUE);
    error = zmd_waits_new(open_pointer(client), &waits);
    R_SetExternalPtrAddr(pointer, waits);
    result = result_of(error, pointer);
    UNPROTECT(1);
    return result;
}

static SEXP zmd_r_waits_close(SEXP pointer)
{
    close_waits(pointer);
    return R_NilValue;
}

static SEXP zmd_r_waits_add(SEXP waits, SEXP is_status, SEXP module, SEXP job_id, SEXP timeout_ms)
{
    uint64_t id = 0;
    zmd_error error = (Rf_asLogical(is_status) ? zmd_waits_add_status : zmd_waits_add)(
        open_pointer(waits), CHAR(STRING_ELT(module, 0)), CHAR(STRING_ELT(job_id, 0)),
        (int64_t)Rf_asReal(timeout_ms), &id);
    return result_of(error, Rf_ScalarReal((double)id));
}

static SEXP zmd_r_waits_remove(SEXP waits, SEXP id)
{
    return result_of(zmd_waits_remove(open_pointer(waits), (uint64_t)Rf_asReal(id)), R_NilValue);
}

/* The value is NULL if there is no event in time. */
static SEXP zmd_r_waits_next(SEXP waits, SEXP timeout_ms)
{
    const char *names[] = {"id", "has_ended", "elapsed", "next_poll", "remaining", "http_status", "status", "error", ""};
    zmd_event event;
    SEXP list, result;
    zmd_error error = zmd_waits_next(open_pointer(waits), (int64_t)Rf_asReal(timeout_ms), &event);
    if (error == ZMD_ERR_TIMEOUT) {
        R_CheckUserInterrupt();
        return result_of(ZMD_OK, R_NilValue);
    }
    if (error != ZMD_OK)
        return result_of(error, R_NilValue);
    list = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(list, 0, Rf_ScalarReal((double)event.id));
    SET_VECTOR_ELT(list, 1, Rf_ScalarLogical(event.has_ended));
    SET_VECTOR_ELT(list, 2, seconds_of(event.elapsed_ms));
    SET_VECTOR_ELT(list, 3, seconds_of(event.next_poll_ms));
    SET_VECTOR_ELT(list, 4, seconds_of(zmd_progress_remaining_ms()));
    SET_VECTOR_ELT(list, 5, Rf_ScalarInteger(event.status.http_status));
    SET_VECTOR_ELT(list, 6, list_of_status(&event.status));
    SET_VECTOR_ELT(list, 7, list_of_error(event.error, zmd_last_error_of_job(0), zmd_last_error_code_of_job(0)));
    result = result_of(ZMD_OK, list);
    UNPROTECT(1);
    return result;
}

static SEXP zmd_r_version(void)
{
    return text_of(zmd_version());
}

static const R_CallMethodDef methods[] = {
    {"zmd_r_new", (DL_FUNC)zmd_r_new, 5},
    {"zmd_r_close", (DL_FUNC)zmd_r_close, 1},
    {"zmd_r_set_access_token", (DL_FUNC)zmd_r_set_access_token, 2},
    {"zmd_r_credits", (DL_FUNC)zmd_r_credits, 1},
    {"zmd_r_counters", (DL_FUNC)zmd_r_counters, 1},
    {"zmd_r_waits_new", (DL_FUNC)zmd_r_waits_new, 1},
    {"zmd_r_waits_close", (DL_FUNC)zmd_r_waits_close, 1},
    {"zmd_r_waits_add", (DL_FUNC)zmd_r_waits_add, 5},
    {"zmd_r_waits_remove", (DL_FUNC)zmd_r_waits_remove, 2},
    {"zmd_r_waits_next", (DL_FUNC)zmd_r_waits_next, 2},
    {"zmd_r_version", (DL_FUNC)zmd_r_version, 0},
    {NULL, NULL, 0},
};

void R_init_zmd(DllInfo *library)
{
    R_registerRoutines(library, NULL, methods, NULL, NULL);
    R_useDynamicSymbols(library, FALSE);
}
