# The binding for R, against the stand-in that tests/packages/hosts.rs starts.
source("zmd.R")
zmd_load()

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
seen <- character()
last <- zmd_wait(client, "Leads", "1001", timeout = 60, progress = function(status, error) {
  seen <<- c(seen, if (is.null(error)) paste(status$state, status$deleted_count) else conditionMessage(error))
  TRUE
})
same(c("QUEUED NA", "RUNNING 4", "COMPLETED 9"), seen)
same("COMPLETED", last$state)

completed <- list(state = "COMPLETED", state_text = "COMPLETED", http_status = 200L, total_count = 9, deleted_count = 9, failed_count = 0,
  is_successful = TRUE, has_ended = TRUE, text = "COMPLETED, 9 of 9 deleted, 0 failed")
same(completed, zmd_status(client, "Leads", "1001"))
same(completed, zmd_status(client, "Leads", 1001))
same(completed, zmd_wait(client, "Leads", "1001"))
same("FAILED", zmd_status(client, "Leads", "1004")$state)

error <- failure("zmd_err_forbidden", zmd_status(client, "Leads", "error-NO_PERMISSION"))
same(list(22L, "NO_PERMISSION", 403L), list(error$number, error$code, error$status$http_status))
contains("permission denied", error)
contains("Sales_Orders", failure("zmd_err_invalid_argument", zmd_status(client, "Sales Orders", "1001")))
contains("as a string", failure("simpleError", zmd_status(client, "Leads", 111111000000222222)))
contains("one string", failure("simpleError", zmd_status(client, "Leads", NA)))

polls <- 0
error <- failure("zmd_err_cancelled", zmd_wait(client, "Leads", "1002", progress = function(status, error) {
  polls <<- polls + 1
  polls < 2
}))
same(list(2, "RUNNING"), list(polls, error$status$state))
contains("mine", failure("simpleError", zmd_wait(client, "Leads", "1002", progress = function(...) stop("mine"))))
same(completed, zmd_status(client, "Leads", "1001"))

error <- failure("zmd_err_timeout", zmd_wait(client, "Leads", "1002", timeout = 0.5))
same("RUNNING", error$status$state)

# An interrupt, as Ctrl-C sends it, without a callback and with one.
for (progress in list(NULL, function(...) TRUE)) {
  ended <- tryCatch({
    system(sprintf("(sleep 0.2; kill -INT %d) &", Sys.getpid()))
    zmd_wait(client, "Leads", "1002", timeout = 60, progress = progress)
  }, interrupt = identity, error = identity)
  if (!inherits(ended, "interrupt")) stop("expected an interrupt, found ", deparse(class(ended)))
}

contains("acces_token", failure("zmd_err_invalid_config", zmd_client(acces_token = "x")))
other <- zmd_client(access_token = "wrong", timeout_ms = 20000, environment = TRUE)
same("INVALID_TOKEN", failure("zmd_err_unauthorized", zmd_status(other, "Leads", "1001"))$code)
zmd_set_access_token(other, Sys.getenv("ZMD_ACCESS_TOKEN"))
same(completed, zmd_status(other, "Leads", "1001"))
rm(other)
invisible(gc())
same("0.1.0", zmd_version())

zmd_close(client)
zmd_close(client)
contains("closed", failure("simpleError", zmd_status(client, "Leads", "1001")))
cat("ok r\n")
