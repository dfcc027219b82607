# Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
#
#     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy Rscript example.R Leads 111111000000222222
#
# Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
source("zmd.R")
zmd_load()

show <- function(status, error) {
  if (!is.null(error)) {
    message(conditionMessage(error)) # transient: the wait continues
  } else {
    count <- function(number) if (is.na(number)) "?" else sprintf("%.0f", number)
    cat(sprintf("%s: %s of %s deleted, %s failed\n", status$state_text,
      count(status$deleted_count), count(status$total_count), count(status$failed_count)))
  }
  TRUE
}

run <- function(module, job_id) {
  tryCatch({
    last <- zmd_wait(zmd_client(), module, job_id, timeout = 4 * 3600, progress = show)
    if (last$state == "COMPLETED" && !isTRUE(last$failed_count > 0)) 0 else 1
  }, zmd_error = function(error) {
    message(error$name, ": ", conditionMessage(error))
    if (inherits(error, "zmd_err_timeout") && error$status$state != "UNKNOWN") 2 else 3
  })
}

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 2) {
  message("usage: Rscript example.R MODULE JOB_ID")
  quit(status = 3)
}
quit(status = run(arguments[1], arguments[2]))
