# A wait with a callback that returns NULL (go), or FALSE, which ends it (stop): see tests/packages/hosts.rs.
library(zmd)

progress <- list(
  go = function(event) cat(format(event), "\n", sep = ""),
  stop = function(event) {
    cat(format(event), "\n", sep = "")
    FALSE
  })
tryCatch({
  last <- zmd_wait(zmd_client(), "Leads", "1001", progress = progress[[commandArgs(trailingOnly = TRUE)]])
  cat(last$has_ended, last$is_successful, "\n")
}, zmd_error = function(error) cat(error$name, "\n"))
