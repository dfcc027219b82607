/* libzmd for R: what .Call needs between R's values and C's. zmd.R has the functions for users. */
#include <string.h>

#include <zmd.h>

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Rdynload.h>
#include <Rinternals.h>

/* R's errors and interrupts jump: never past a function of the library, nor past memory that it owns. */

static zmd_client *client_of(SEXP pointer)
{
    zmd_client *client = R_ExternalPtrAddr(pointer);
    if (client == NULL)
        Rf_error("the client is closed");
    return client;
}

static SEXP text_of(const char *text)
{
    return Rf_ScalarString(Rf_mkCharCE(text, CE_UTF8));
}

static SEXP count_of(int64_t count)
{
    return Rf_ScalarReal(count == -1 ? NA_REAL : (double)count);
}

static SEXP list_of_status(const zmd_status *status)
{
    const char *names[] = {"state",        "state_text",    "http_status", "total_count", "deleted_count",
                           "failed_count", "is_successful", "has_ended",   "text",        ""};
    char text[256];
    SEXP list = PROTECT(Rf_mkNamed(VECSXP, names));
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

/* The result of a call: list(status or client, NULL or list(number, name, code, message, is_transient)). */
static SEXP result_of(int32_t error, SEXP value)
{
    const char *names[] = {"value", "error", ""};
    const char *error_names[] = {"number", "name", "code", "message", "is_transient", ""};
    SEXP result, failure;
    PROTECT(value);
    result = PROTECT(Rf_mkNamed(VECSXP, names));
    SET_VECTOR_ELT(result, 0, value);
    if (error != ZMD_OK) {
        SET_VECTOR_ELT(result, 1, failure = Rf_mkNamed(VECSXP, error_names));
        SET_VECTOR_ELT(failure, 0, Rf_ScalarInteger(error));
        SET_VECTOR_ELT(failure, 1, text_of(zmd_error_name(error)));
        SET_VECTOR_ELT(failure, 2, text_of(zmd_last_error_code()));
        SET_VECTOR_ELT(failure, 3, text_of(zmd_last_error()));
        SET_VECTOR_ELT(failure, 4, Rf_ScalarLogical(zmd_error_is_transient(error)));
    }
    UNPROTECT(2);
    return result;
}

static void close_client(SEXP pointer)
{
    zmd_client_free(R_ExternalPtrAddr(pointer));
    R_ClearExternalPtr(pointer);
}

/* environment: TRUE or FALSE; keys, values: character vectors of the same length, in UTF-8 */
static SEXP zmd_r_new(SEXP environment, SEXP keys, SEXP values)
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
        error = zmd_config_load_file(config, NULL, NULL);
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
    return result_of(zmd_client_set_access_token(client_of(pointer), CHAR(STRING_ELT(token, 0))), R_NilValue);
}

static SEXP zmd_r_status(SEXP pointer, SEXP module, SEXP job_id)
{
    zmd_status status;
    zmd_error error =
        zmd_client_status(client_of(pointer), CHAR(STRING_ELT(module, 0)), CHAR(STRING_ELT(job_id, 0)), &status);
    return result_of(error, list_of_status(&status));
}

struct progress {
    SEXP function; /* of the list of result_of; it catches its own errors, and returns TRUE to continue */
    int32_t error;
    const zmd_status *status;
    int goes_on;
};

static void call_function(void *data)
{
    struct progress *progress = data;
    SEXP result, call;
    result = PROTECT(result_of(progress->error, list_of_status(progress->status)));
    call = PROTECT(Rf_lang2(progress->function, result));
    progress->goes_on = Rf_asLogical(Rf_eval(call, R_GlobalEnv)) == TRUE;
    UNPROTECT(2);
}

/* R_ToplevelExec stops R's jumps before they reach the library. */
static int32_t polled(void *data, size_t index, int32_t error, const zmd_status *status)
{
    struct progress *progress = data;
    (void)index;
    progress->error = error;
    progress->status = status;
    progress->goes_on = 0;
    R_ToplevelExec(call_function, progress);
    return !progress->goes_on;
}

static SEXP zmd_r_wait(SEXP pointer, SEXP module, SEXP job_id, SEXP timeout_ms, SEXP function)
{
    struct progress progress = {function, 0, NULL, 0};
    zmd_status status;
    zmd_error error = zmd_client_wait(client_of(pointer), CHAR(STRING_ELT(module, 0)), CHAR(STRING_ELT(job_id, 0)),
                                      (int64_t)Rf_asReal(timeout_ms), polled, &progress, &status);
    return result_of(error, list_of_status(&status));
}

static SEXP zmd_r_check_interrupt(void)
{
    R_CheckUserInterrupt();
    return R_NilValue;
}

static SEXP zmd_r_version(void)
{
    return text_of(zmd_version());
}

static const R_CallMethodDef methods[] = {
    {"zmd_r_new", (DL_FUNC)zmd_r_new, 3},
    {"zmd_r_close", (DL_FUNC)zmd_r_close, 1},
    {"zmd_r_set_access_token", (DL_FUNC)zmd_r_set_access_token, 2},
    {"zmd_r_status", (DL_FUNC)zmd_r_status, 3},
    {"zmd_r_wait", (DL_FUNC)zmd_r_wait, 5},
    {"zmd_r_check_interrupt", (DL_FUNC)zmd_r_check_interrupt, 0},
    {"zmd_r_version", (DL_FUNC)zmd_r_version, 0},
    {NULL, NULL, 0},
};

void R_init_zmd_r(DllInfo *library)
{
    R_registerRoutines(library, NULL, methods, NULL, NULL);
    R_useDynamicSymbols(library, FALSE);
}
