# Against the stand-in that tests/packages/hosts.rs of the repository starts, and says so: elsewhere the settings may be those of
# the real service.
library(zmd)

if (Sys.getenv("ZMD_STAND_IN") == "") {
  cat("skipped: there is no stand-in for the service\n")
  quit(status = 0)
}

same <- function(expected, found) {
  if (!identical(expected, found)) stop("expected ", deparse(expected), ", found ", deparse(found))
}
failure <- function(class, code) {
  condition <- tryCatch({ code; NULL }, error = identity)
  if (!inherits(condition, class)) stop("expected ", class, ", found ", deparse(class(condition)), ": ", conditionMessage(condition))
  condition
}
contains <- function(part, condition) {
  if (!grepl(part, conditionMessage(condition), fixed = TRUE)) stop(part, " is not in ", conditionMessage(condition))
}

client <- zmd_client()

# The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
seen <- list()
last <- zmd_wait(client, "Leads", "1001", timeout = 60, check = TRUE, progress = function(event) {
  seen <<- c(seen, list(event))
  0
})
same(c("QUEUED", "RUNNING", "COMPLETED"), vapply(seen, function(event) event$status$state, ""))
same(c(NA, 4, 9), vapply(seen, function(event) event$status$deleted_count, 0))
same(c(FALSE, FALSE, TRUE), vapply(seen, function(event) event$has_ended, NA))
same(c(FALSE, FALSE, TRUE), vapply(seen, function(event) is.na(event$next_poll), NA))
same(list("Leads", "1001", 1L, NULL), unname(seen[[1]][c("module", "job_id", "index", "error")]))
same("QUEUED, the service reported no counts", format(seen[[1]]))
stopifnot(seen[[1]]$elapsed <= seen[[3]]$elapsed)

completed <- structure(class = "zmd_status", list(
  module = "Leads", job_id = "1001", state = "COMPLETED", state_text = "COMPLETED", http_status = 200L, total_count = 9,
  deleted_count = 9, failed_count = 0, is_successful = TRUE, has_ended = TRUE, text = "COMPLETED, 9 of 9 deleted, 0 failed"))
same(completed, last)
same(completed, zmd_status(client, " Leads ", "1001"))
same(completed, zmd_status(client, "Leads", 1001))
same(completed, zmd_wait(client, "Leads", "1001"))
same("Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed", capture.output(print(completed)))
same("FAILED", zmd_status(client, "Leads", "1004")$state)

error <- failure("zmd_err_forbidden", zmd_status(client, "Leads", "error-NO_PERMISSION"))
same(c("zmd_err_forbidden", "zmd_api_error", "zmd_error", "error", "condition"), class(error))
same(list(22L, "NO_PERMISSION", 403L, "Leads", "error-NO_PERMISSION", NULL, FALSE),
  unname(unclass(error)[c("number", "code", "http_status", "module", "job_id", "status", "is_transient")]))
contains("permission denied", error)
error <- failure("zmd_err_invalid_argument", zmd_status(client, "Sales Orders", "1001"))
contains("Sales_Orders", error)
same("Sales Orders", error$module)
contains("as a string", failure("simpleError", zmd_status(client, "Leads", 111111000000222222)))
contains("one string", failure("simpleError", zmd_status(client, "Leads", NA)))
contains("one string", failure("simpleError", zmd_status(client, "Leads", c("1001", "1003"))))

polls <- 0
error <- failure("zmd_err_cancelled", zmd_wait(client, "Leads", "1002", progress = function(event) {
  polls <<- polls + 1
  polls < 2
}))
same(list(2, "RUNNING"), list(polls, error$status$state))
contains("mine", failure("simpleError", zmd_wait(client, "Leads", "1002", progress = function(event) stop("mine"))))
same(completed, zmd_status(client, "Leads", "1001"))

error <- failure("zmd_job_failed", zmd_wait(client, "Leads", "1003", check = TRUE))
same(list(2, "1003", FALSE), list(error$status$failed_count, error$job_id, error$is_transient))
polls <- 0
failure("zmd_err_forbidden", zmd_wait(client, "Leads", "error-NO_PERMISSION", progress = function(event) polls <<- polls + 1))
same(0, polls)
contains("within 500 ms", failure("zmd_err_timeout", zmd_wait(client, "Leads", "1002", timeout = 0.5)))
error <- failure("zmd_err_timeout", zmd_wait(client, "Leads", "1002", timeout = 0))
same(list("RUNNING", TRUE), list(error$status$state, error$is_transient))

remaining <- NA
failure("zmd_err_cancelled", zmd_wait(client, "Leads", "1005", progress = function(event) is.na(remaining <<- event$remaining)))
stopifnot(remaining > 10)

# Many jobs.
indices <- integer()
ids <- c("1001", "1003", "4711", "no id")
jobs <- zmd_wait_many(client, "Leads", ids, progress = function(event) indices <<- c(indices, event$index))
same(ids, jobs$job_id)
same(c("COMPLETED", "COMPLETED", NA, NA), jobs$state)
same(c(9, 7, NA, NA), jobs$deleted_count)
same(c(TRUE, FALSE, FALSE, FALSE), jobs$is_successful)
same(c(NA, NA, "ZMD_ERR_JOB_NOT_FOUND", "ZMD_ERR_INVALID_ARGUMENT"), jobs$error)
same(1:2, sort(unique(indices)))
same(c(NA, "ZMD_ERR_JOB_NOT_FOUND"), zmd_status_many(client, "Leads", c("1001", "4711"))$error)
same(rep("ZMD_ERR_CANCELLED", 3), zmd_wait_many(client, "Leads", rep("1002", 3), progress = function(event) FALSE)$error)
same(0L, nrow(zmd_wait_many(client, "Leads", character())))

# A queue of waits.
waits <- zmd_waits(client)
running <- zmd_add(waits, "Leads", "1002")
ended <- zmd_add(waits, "Leads", "1001")
ends <- list()
while (!is.null(event <- zmd_next(waits))) {
  if (event$id == ended) zmd_remove(waits, running)
  if (event$has_ended) ends[[as.character(event$id)]] <- class(if (is.null(event$error)) event$status else event$error)[1]
}
same("zmd_err_cancelled", ends[[as.character(running)]])
same("zmd_status", ends[[as.character(ended)]])
zmd_add_status(waits, "Leads", "1002")
same("RUNNING", zmd_next(waits)$status$state)
zmd_add(waits, "Leads", "1002")
while (!is.null(zmd_next(waits, timeout = 0.2))) NULL
same(1L, zmd_open_count(waits))
zmd_close(waits)
same(0L, zmd_open_count(waits))

# An interrupt, as Ctrl-C sends it, while a wait has nothing to do for ten minutes, and one in a callback.
slow <- zmd_client(environment = TRUE, poll_min_ms = 600000)
begin <- proc.time()[["elapsed"]]
for (progress in list(
  function(event) system(sprintf("(sleep 0.1; kill -INT %d) &", Sys.getpid())),
  function(event) tools::pskill(Sys.getpid(), tools::SIGINT)
)) {
  ended <- tryCatch(zmd_wait(slow, "Leads", "1002", timeout = 900, progress = progress), interrupt = identity, error = identity)
  if (!inherits(ended, "interrupt")) stop("expected an interrupt, found ", deparse(class(ended)))
}
stopifnot(proc.time()[["elapsed"]] - begin < 300)
same(completed, zmd_status(slow, "Leads", "1001"))

contains("did you mean access_token", failure("zmd_err_invalid_config", zmd_client(acces_token = "x")))
failure("zmd_err_invalid_config", zmd_client(profile = "no such profile"))
other <- zmd_client(access_token = "wrong", timeout_ms = 20000, environment = TRUE)
same("INVALID_TOKEN", failure("zmd_err_unauthorized", zmd_status(other, "Leads", "1001"))$code)
zmd_set_access_token(other, Sys.getenv("ZMD_ACCESS_TOKEN"))
same(completed, zmd_status(other, "Leads", "1001"))
rm(other)
invisible(gc())
same("0.1.0", zmd_version())
counters <- zmd_counters(client)
stopifnot(counters$calls > counters$polls, counters$bytes_received > 1000, is.na(zmd_credits(client)))

# A token provider.
asked <- list()
tokens <- c("stale", Sys.getenv("ZMD_ACCESS_TOKEN"))
provided <- zmd_client(environment = TRUE, access_token = function(refused) {
  asked <<- c(asked, list(refused))
  tokens[length(asked)]
})
same(rep(TRUE, 5), zmd_wait_many(provided, "Leads", rep("1001", 5))$is_successful)
same(list(NULL, "stale"), asked)
provided <- zmd_client(environment = TRUE, access_token = function(refused) "stale")
contains("has just refused", failure("zmd_err_oauth", zmd_status(provided, "Leads", "1001")))
asked <- 0
provided <- zmd_client(environment = TRUE, access_token = function(refused) paste0("stale", asked <<- asked + 1))
failure("zmd_err_unauthorized", zmd_status(provided, "Leads", "1001"))
same(2, asked)

# An error in it is the parent of the error, of that job alone.
provided <- zmd_client(environment = TRUE, access_token = function(refused) if (is.null(refused)) "stale" else stop(refused, " is locked"))
for (call in list(
  function() zmd_status(provided, "Leads", "1001"), function() zmd_wait(provided, "Leads", "1001"),
  function() {
    waits <- zmd_waits(provided)
    zmd_add(waits, "Leads", "1001")
    stop(zmd_next(waits)$error)
  }
)) {
  error <- failure("zmd_err_oauth", call())
  same(list(29L, "Leads", "1001", "stale is locked"), list(error$number, error$module, error$job_id, conditionMessage(error$parent)))
  same("the token provider returned no access token: *** is locked", conditionMessage(error))
}
same(rep("ZMD_ERR_OAUTH", 2), zmd_wait_many(provided, "Leads", c("1001", "1003"))$error)
zmd_set_access_token(provided, Sys.getenv("ZMD_ACCESS_TOKEN"))
same(completed, zmd_status(provided, "Leads", "1001"))
error <- failure("zmd_err_oauth", zmd_client(access_token = function(refused) stop("locked")))
same(list(NULL, "locked"), list(error$module, conditionMessage(error$parent)))
contains("its result must be one string", failure("zmd_err_oauth", zmd_client(access_token = function(refused) NULL)))

# The log.
log <- tempfile()
logged <- zmd_client(environment = TRUE, log_file = log, log_level = "debug")
zmd_wait(logged, "Leads", "1001")
zmd_close(logged)
stopifnot(any(grepl("job 1001 of Leads", readLines(log))), !any(grepl(Sys.getenv("ZMD_ACCESS_TOKEN"), readLines(log), fixed = TRUE)))

# fork: parent and child can both use a client.
child <- parallel::mcparallel(zmd_status(client, "Leads", "1001"))
same(completed, unname(parallel::mccollect(child))[[1]])
same(completed, zmd_status(client, "Leads", "1001"))

# The library's file.
loaded <- function(file) {
  script <- c("-e", shQuote("library(zmd)"))
  suppressWarnings(system2(file.path(R.home("bin"), "Rscript"), script, stdout = TRUE, stderr = TRUE, env = paste0("ZMD_LIBRARY=", file)))
}
stopifnot(any(grepl("/nowhere/libzmd.so (which ZMD_LIBRARY names)", loaded("/nowhere/libzmd.so"), fixed = TRUE)))

zmd_close(client)
zmd_close(client)
contains("closed", failure("simpleError", zmd_status(client, "Leads", "1001")))
cat("ok r\n")
