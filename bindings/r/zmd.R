# libzmd for R: how far is a Zoho CRM mass-delete job?
#
#     source("zmd.R")
#     zmd_load("zmd_r.so")    # made by: R CMD SHLIB zmd_r.c -lzmd

.zmd <- new.env()

# Loads the shim, once in a session.
zmd_load <- function(shim = paste0("zmd_r", .Platform$dynlib.ext)) {
  .zmd$routines <- getDLLRegisteredRoutines(dyn.load(shim))$.Call
  invisible(zmd_version())
}

zmd_version <- function() .zmd_call("zmd_r_version")

# A client. Settings are named arguments; environment = TRUE reads the ZMD_ variables, and the configuration
# file, too; settings that are given here take precedence.
zmd_client <- function(..., environment = length(list(...)) == 0) {
  settings <- list(...)
  stopifnot(length(settings) == 0 || (!is.null(names(settings)) && all(nzchar(names(settings)))))
  keys <- vapply(names(settings), .zmd_text, "", name = "a setting's name", USE.NAMES = FALSE)
  values <- vapply(settings, .zmd_text, "", name = "a setting", USE.NAMES = FALSE)
  pointer <- .zmd_value(.zmd_call("zmd_r_new", environment, as.character(keys), as.character(values)))
  structure(list(pointer = pointer), class = "zmd_client")
}

# Gets the status of a job: a list of state ("COMPLETED", "RUNNING", ...), state_text, http_status and total_count,
# deleted_count, failed_count, which are NA where they were not reported; is_successful, whether all records were deleted;
# has_ended; and text, one line for people. Job ids are strings.
zmd_status <- function(client, module, job_id) {
  .zmd_value(.zmd_call("zmd_r_status", client$pointer, .zmd_text(module, "module"), .zmd_text(job_id, "job_id")))
}

# Waits until a job has ended, for timeout seconds at most. After every poll, progress(status, error) is called, error
# being NULL or the condition of a poll that failed; if it returns FALSE, and nothing else, the wait ends. Ctrl-C ends the
# wait after the next poll.
zmd_wait <- function(client, module, job_id, timeout = Inf, progress = NULL) {
  stopifnot(is.numeric(timeout), length(timeout) == 1, !is.na(timeout))
  limit <- if (is.finite(timeout)) max(0, floor(timeout * 1000)) else -1
  caught <- NULL
  keep <- function(condition) {
    caught <<- condition
    FALSE
  }
  # Neither an R error nor an interrupt may jump through the library: they are kept until the call has returned.
  polled <- function(result) {
    tryCatch({
      .zmd_call("zmd_r_check_interrupt")
      error <- if (!is.null(result$error)) .zmd_condition(result$error, result$value)
      is.null(progress) || !isFALSE(progress(result$value, error))
    }, error = keep, interrupt = keep)
  }
  result <- .zmd_call("zmd_r_wait", client$pointer, .zmd_text(module, "module"), .zmd_text(job_id, "job_id"), limit, polled)
  if (inherits(caught, "interrupt")) {
    signalCondition(caught)
    invokeRestart("abort")
  }
  if (!is.null(caught)) stop(caught)
  .zmd_value(result)
}

zmd_set_access_token <- function(client, token) {
  invisible(.zmd_value(.zmd_call("zmd_r_set_access_token", client$pointer, .zmd_text(token, "token"))))
}

# Closes the connections; the garbage collector does it too.
zmd_close <- function(client) invisible(.zmd_call("zmd_r_close", client$pointer))

print.zmd_client <- function(x, ...) {
  cat("<zmd_client>\n")
  invisible(x)
}

.zmd_call <- function(name, ...) {
  if (is.null(.zmd$routines)) stop("zmd_load() comes first")
  .Call(.zmd$routines[[name]], ...)
}

.zmd_text <- function(value, name) {
  if (is.numeric(value)) {
    # as.character(1e15) is "1e+15", and beyond 2^53 digits are lost.
    if (length(value) != 1 || is.na(value) || abs(value) >= 2^53 || value != floor(value)) stop(name, ": write it as a string")
    value <- sprintf("%.0f", value)
  }
  if (!is.character(value) || length(value) != 1 || is.na(value)) stop(name, " must be one string")
  enc2utf8(value)
}

.zmd_condition <- function(error, status) {
  structure(
    class = c(tolower(error$name), "zmd_error", "error", "condition"),
    list(message = error$message, call = NULL, number = error$number, name = error$name, code = error$code,
      is_transient = error$is_transient, status = status))
}

.zmd_value <- function(result) {
  if (!is.null(result$error)) stop(.zmd_condition(result$error, result$value))
  result$value
}
