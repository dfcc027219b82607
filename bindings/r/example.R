# Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
#
#     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy Rscript example.R Leads 111111000000222222
#
# Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
library(zmd)

show <- function(event) {
  if (is.null(event$error)) {
    cat(format(event), "\n", sep = "")
  } else {
    message(format(event)) # the wait continues
  }
}

run <- function(module, job_id, seconds) {
  tryCatch({
    last <- zmd_wait(zmd_client(), module, job_id, timeout = seconds, progress = show)
    if (last$is_successful) 0 else 1
  }, zmd_error = function(error) {
    message(error$name, ": ", conditionMessage(error))
    if (inherits(error, "zmd_err_timeout") && !is.null(error$status)) 2 else 3
  })
}

arguments <- commandArgs(trailingOnly = TRUE)
seconds <- if (length(arguments) == 3) suppressWarnings(as.numeric(arguments[3])) else 4 * 3600
if (!length(arguments) %in% 2:3 || is.na(seconds)) {
  message("usage: Rscript example.R MODULE JOB_ID [SECONDS]")
  quit(status = 3)
}
quit(status = run(arguments[1], arguments[2], seconds))
