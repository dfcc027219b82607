# How far is a Zoho CRM mass-delete job? The manual pages are in man.

.zmd <- new.env()

# No call of the library blocks for longer: R looks for an interrupt between two of them.
.slice_ms <- 25

.onLoad <- function(libname, pkgname) {
  named <- Sys.getenv("ZMD_LIBRARY")
  tryCatch({
    # What is loaded already is not looked for again.
    if (nzchar(named)) dyn.load(named)
    .zmd$routines <- getDLLRegisteredRoutines(library.dynam("zmd", pkgname, libname))$.Call
  }, error = function(error) {
    file <- if (nzchar(named)) paste(named, "(which ZMD_LIBRARY names)") else
      "where the system's loader looks (ZMD_LIBRARY, which could name a file, is not set)"
    stop("cannot load libzmd from ", file, ": ", conditionMessage(error), call. = FALSE)
  })
}

.onUnload <- function(libpath) library.dynam.unload("zmd", libpath)

zmd_version <- function() .call("zmd_r_version")

zmd_client <- function(..., environment = length(list(...)) == 0, profile = NULL, config_file = NULL) {
  settings <- list(...)
  stopifnot(length(settings) == 0 || (!is.null(names(settings)) && all(nzchar(names(settings)))))
  client <- new.env()
  client$renewals <- 0
  if (is.function(settings$access_token)) {
    client$provider <- settings$access_token
    settings$access_token <- .provide(client)
  }
  keys <- vapply(names(settings), .text, "", name = "a setting's name", USE.NAMES = FALSE)
  values <- vapply(settings, .text, "", name = "a setting", USE.NAMES = FALSE)
  optional <- function(value, name) if (!is.null(value)) .text(value, name)
  client$pointer <- .value(.call("zmd_r_new", environment || !is.null(profile) || !is.null(config_file),
    optional(config_file, "config_file"), optional(profile, "profile"), as.character(keys), as.character(values)))
  structure(client, class = "zmd_client")
}

zmd_status <- function(client, module, job_id, timeout = Inf) {
  .status_of(.run(client, TRUE, .jobs(module, job_id, is_one = TRUE), timeout)[[1]])
}

zmd_wait <- function(client, module, job_id, timeout = Inf, progress = NULL, check = FALSE) {
  status <- .status_of(.run(client, FALSE, .jobs(module, job_id, is_one = TRUE), timeout, progress)[[1]])
  if (check && !status$is_successful) stop(.job_failed(status))
  status
}

zmd_status_many <- function(client, module, job_id, timeout = Inf) {
  jobs <- .jobs(module, job_id)
  .frame(jobs, .run(client, TRUE, jobs, timeout))
}

zmd_wait_many <- function(client, module, job_id, timeout = Inf, progress = NULL) {
  jobs <- .jobs(module, job_id)
  .frame(jobs, .run(client, FALSE, jobs, timeout, progress))
}

zmd_waits <- function(client) {
  waits <- new.env()
  waits$client <- client
  waits$pointer <- .value(.call("zmd_r_waits_new", client$pointer))
  waits$process <- Sys.getpid()
  waits$open <- new.env() # by the library's id
  waits$renamed <- new.env() # the library's id of a wait that began again
  structure(waits, class = "zmd_waits")
}

zmd_add <- function(waits, module, job_id, timeout = Inf) .begin(waits, FALSE, module, job_id, timeout)

zmd_add_status <- function(waits, module, job_id, timeout = Inf) .begin(waits, TRUE, module, job_id, timeout)

zmd_next <- function(waits, timeout = Inf) {
  end <- .now() + timeout
  while (zmd_open_count(waits) > 0) {
    left <- 1000 * (end - .now())
    event <- .value(.call("zmd_r_waits_next", waits$pointer, max(0, floor(min(.slice_ms, left)))))
    if (!is.null(event)) {
      event <- .event(waits, event)
      if (!is.null(event)) return(event)
    } else if (left <= 0) {
      return(NULL)
    }
  }
  NULL
}

zmd_remove <- function(waits, id) {
  renamed <- waits$renamed[[.key(id)]]
  invisible(.value(.call("zmd_r_waits_remove", waits$pointer, if (is.null(renamed)) id else renamed)))
}

zmd_open_count <- function(waits) length(waits$open)

zmd_set_access_token <- function(client, token) {
  .value(.call("zmd_r_set_access_token", client$pointer, .text(token, "token")))
  if (!is.null(client$provider)) client$token <- token
  invisible()
}

zmd_credits <- function(client) .call("zmd_r_credits", client$pointer)

zmd_counters <- function(client) .value(.call("zmd_r_counters", client$pointer))

zmd_close <- function(x) UseMethod("zmd_close")

zmd_close.zmd_client <- function(x) {
  if (!is.null(x$idle)) zmd_close(x$idle)
  x$idle <- NULL
  invisible(.call("zmd_r_close", x$pointer))
}

zmd_close.zmd_waits <- function(x) {
  rm(list = ls(x$open), envir = x$open)
  invisible(.call("zmd_r_waits_close", x$pointer))
}

format.zmd_status <- function(x, ...) x$text

format.zmd_event <- function(x, ...) if (is.null(x$error)) x$status$text else conditionMessage(x$error)

print.zmd_status <- print.zmd_event <- function(x, ...) {
  cat(x$module, " ", x$job_id, ": ", format(x), "\n", sep = "")
  invisible(x)
}

print.zmd_client <- print.zmd_waits <- function(x, ...) {
  cat("<", class(x), ">\n", sep = "")
  invisible(x)
}

# The outcome of each job: a status or a condition.
.run <- function(client, is_status, jobs, timeout, progress = NULL) {
  # The queue of the last call, for the connections that it keeps open, unless another call uses it, was left by an error, or was
  # made before a fork.
  waits <- client$idle
  client$idle <- NULL
  if (is.null(waits) || waits$process != Sys.getpid()) waits <- zmd_waits(client)
  on.exit(zmd_close(waits))
  outcomes <- vector("list", nrow(jobs))
  ids <- rep(NA_real_, nrow(jobs))
  for (index in seq_len(nrow(jobs))) {
    ids[index] <- tryCatch(.begin(waits, is_status, jobs$module[index], jobs$job_id[index], timeout), zmd_error = function(error) {
      outcomes[[index]] <<- error
      NA_real_
    })
  }
  while (!is.null(event <- zmd_next(waits))) {
    event$index <- match(event$id, ids)
    if (event$has_ended) outcomes[[event$index]] <- if (is.null(event$error)) event$status else event$error
    # An error that ends the wait is an outcome, and nothing that the callback gets too.
    if (!is.null(progress) && !(event$has_ended && !is.null(event$error)) && isFALSE(progress(event))) {
      progress <- NULL
      for (id in ids[!is.na(ids)]) zmd_remove(waits, id)
    }
  }
  on.exit()
  client$idle <- waits
  outcomes
}

.begin <- function(waits, is_status, module, job_id, timeout) {
  wait <- list(is_status = is_status, before = 0, renewals = waits$client$renewals, is_refused = FALSE)
  wait$module <- trimws(.text(module, "module"))
  wait$job_id <- trimws(.text(job_id, "job_id"))
  stopifnot(is.numeric(timeout), length(timeout) == 1, !is.na(timeout))
  wait$limit <- if (is.finite(timeout)) max(0, floor(timeout * 1000)) else -1
  .enqueue(waits, wait)
}

# Returns the library's id. The wait keeps the one that it has.
.enqueue <- function(waits, wait) {
  result <- .call("zmd_r_waits_add", waits$pointer, wait$is_status, wait$module, wait$job_id, wait$limit)
  id <- .value(result, wait)
  if (is.null(wait$id)) wait$id <- id
  assign(.key(id), wait, envir = waits$open)
  id
}

# An event for the caller; none if its wait begins again with another access token.
.event <- function(waits, event) {
  at <- .key(event$id)
  wait <- waits$open[[at]]
  job <- wait[c("module", "job_id")]
  status <- if (!is.null(event$status)) structure(c(job, event$status), class = "zmd_status")
  error <- event$error
  if (!is.null(error)) {
    job$http_status <- if (is.null(status)) event$http_status else 0L
    error <- .condition(error, job, status)
  } else if (wait$is_refused) {
    wait$is_refused <- FALSE
    assign(at, wait, envir = waits$open)
  }
  elapsed <- wait$before + event$elapsed
  if (event$has_ended) {
    rm(list = at, envir = waits$open)
    if (inherits(error, "zmd_err_unauthorized")) {
      begins_again <- tryCatch(.begins_again(waits, wait, elapsed, status), zmd_err_oauth = identity)
      if (isTRUE(begins_again)) return(NULL)
      if (inherits(begins_again, "zmd_error")) error <- begins_again
    }
  }
  structure(class = "zmd_event", list(
    id = wait$id, module = wait$module, job_id = wait$job_id, status = if (is.null(error)) status, error = error,
    has_ended = event$has_ended, elapsed = elapsed, next_poll = event$next_poll, remaining = event$remaining))
}

# The library calls a token provider on a thread of its own, which R does not allow: here it is called when the library has ended
# a wait because the service refused the token.
.begins_again <- function(waits, wait, elapsed, status) {
  client <- waits$client
  if (is.null(client$provider)) return(FALSE)
  # Another wait may have got a new one already.
  if (wait$renewals == client$renewals) {
    if (wait$is_refused) return(FALSE)
    wait$is_refused <- TRUE
    .provide(client, wait, status)
    client$renewals <- client$renewals + 1
  }
  wait$renewals <- client$renewals
  if (wait$limit >= 0) wait$limit <- max(1, floor(wait$limit - 1000 * (elapsed - wait$before)))
  wait$before <- elapsed
  assign(.key(wait$id), .enqueue(waits, wait), envir = waits$renamed)
  TRUE
}

# Calls the provider. It replaces the token if there is one: then the service has refused it for the job.
.provide <- function(client, job = list(), status = NULL) {
  refused <- client$token
  tryCatch({
    token <- .text(client$provider(refused), "its result")
    if (identical(token, refused)) stop("its result is the one that the service has just refused")
    if (!is.null(refused)) zmd_set_access_token(client, token)
    client$token <- token
  }, error = function(cause) {
    why <- conditionMessage(cause)
    if (!is.null(refused)) why <- gsub(refused, "***", why, fixed = TRUE)
    error <- list(number = 29L, name = "ZMD_ERR_OAUTH", code = "", is_transient = FALSE,
      message = paste0("the token provider returned no access token: ", why))
    condition <- .condition(error, job[c("module", "job_id")], status)
    condition$parent <- cause
    stop(condition)
  })
}

.jobs <- function(module, job_id, is_one = FALSE) {
  if (is_one && (length(module) != 1 || length(job_id) != 1)) stop("module and job_id must be one string each")
  job_id <- vapply(job_id, .text, "", name = "job_id", USE.NAMES = FALSE)
  data.frame(module = if (length(job_id)) module else character(), job_id = job_id, stringsAsFactors = FALSE)
}

.frame <- function(jobs, outcomes) {
  column <- function(name, missing) {
    vapply(outcomes, function(outcome) {
      status <- if (inherits(outcome, "zmd_error")) outcome$status else outcome
      if (is.null(status)) missing else status[[name]]
    }, missing)
  }
  error <- function(value) {
    vapply(outcomes, function(outcome) if (inherits(outcome, "zmd_error")) value(outcome) else NA_character_, "")
  }
  has_error <- vapply(outcomes, inherits, NA, "zmd_error")
  data.frame(
    jobs, state = column("state", NA_character_), total_count = column("total_count", NA_real_),
    deleted_count = column("deleted_count", NA_real_), failed_count = column("failed_count", NA_real_),
    is_successful = !has_error & column("is_successful", FALSE), has_ended = column("has_ended", FALSE),
    text = column("text", NA_character_), error = error(function(error) error$name), message = error(conditionMessage),
    stringsAsFactors = FALSE)
}

.status_of <- function(outcome) if (inherits(outcome, "zmd_error")) stop(outcome) else outcome

.condition <- function(error, job, status = NULL) {
  # What the number does not say: a proxy that refused the credentials refuses them again.
  error$is_transient <- error$is_transient && !identical(job$http_status, 407L)
  family <- if (error$number %in% 10:14) "zmd_network_error" else if (error$number %in% 20:29) "zmd_api_error"
  http_status <- if (is.null(job$http_status)) 0L else job$http_status
  structure(
    class = c(tolower(error$name), family, "zmd_error", "error", "condition"),
    list(message = error$message, call = NULL, number = error$number, name = error$name, code = error$code,
      is_transient = error$is_transient, module = job$module, job_id = job$job_id, http_status = http_status, status = status))
}

.job_failed <- function(status) {
  message <- paste0("not all of the records are deleted: ", status$module, " ", status$job_id, ": ", status$text)
  error <- list(number = 0L, name = "JOB_FAILED", code = "", message = message, is_transient = FALSE)
  condition <- .condition(error, status[c("module", "job_id", "http_status")], status)
  class(condition)[1] <- "zmd_job_failed"
  condition
}

.value <- function(result, job = list()) {
  if (!is.null(result$error)) stop(.condition(result$error, job))
  result$value
}

# Not do.call: an error shows the values of its arguments, tokens among them.
.call <- function(name, ...) {
  call_routine <- .Call
  call_routine(.zmd$routines[[name]], ...)
}

.key <- function(id) sprintf("%.0f", id)

.now <- function() proc.time()[["elapsed"]]

.text <- function(value, name) {
  if (is.numeric(value)) {
    # as.character(1e15) is "1e+15", and beyond 2^53 digits are lost.
    if (length(value) != 1 || is.na(value) || abs(value) >= 2^53 || value != floor(value)) stop(name, ": write it as a string")
    value <- sprintf("%.0f", value)
  }
  if (!is.character(value) || length(value) != 1 || is.na(value)) stop(name, " must be one string")
  enc2utf8(value)
}
