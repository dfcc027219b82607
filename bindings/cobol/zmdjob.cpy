      * The fields of a job: what to ask, and the answer. zmd.cpy has
      * them once, zmdjobs.cpy in a table.
      *    What to ask. Blanks at the end do not count.
           15  ZMD-MODULE             PIC X(100).
           15  ZMD-JOB-ID             PIC X(64).
      *    Of a wait: the limit; negative: none; 0: poll once.
           15  ZMD-TIMEOUT-MS         PIC S9(18) COMP-5.
      *    The answer.
           15  ZMD-ERROR              PIC S9(9) COMP-5.
               88  ZMD-OK             VALUE 0.
               88  ZMD-NULL-POINTER   VALUE 1.
               88  ZMD-INVALID-ARGUMENT VALUE 2.
               88  ZMD-INVALID-CONFIG VALUE 3.
               88  ZMD-DNS            VALUE 10.
               88  ZMD-CONNECT        VALUE 11.
               88  ZMD-TLS            VALUE 12.
               88  ZMD-PROXY          VALUE 13.
               88  ZMD-NETWORK        VALUE 14.
               88  ZMD-TIMEOUT        VALUE 15.
               88  ZMD-CANCELLED      VALUE 16.
               88  ZMD-STALLED        VALUE 17.
               88  ZMD-UNAUTHORIZED   VALUE 20.
               88  ZMD-SCOPE          VALUE 21.
               88  ZMD-FORBIDDEN      VALUE 22.
               88  ZMD-INVALID-MODULE VALUE 23.
               88  ZMD-JOB-NOT-FOUND  VALUE 24.
               88  ZMD-RATE-LIMITED   VALUE 25.
               88  ZMD-SERVER         VALUE 26.
               88  ZMD-API            VALUE 27.
               88  ZMD-BAD-RESPONSE   VALUE 28.
               88  ZMD-OAUTH          VALUE 29.
               88  ZMD-INTERNAL       VALUE 99.
      *    Whether the same call may succeed later.
           15  ZMD-IS-TRANSIENT       PIC S9(9) COMP-5.
               88  ZMD-TRANSIENT      VALUE 1.
           15  ZMD-STATE              PIC S9(9) COMP-5.
               88  ZMD-UNKNOWN        VALUE 0.
               88  ZMD-SCHEDULED      VALUE 1.
               88  ZMD-RUNNING        VALUE 2.
               88  ZMD-COMPLETED      VALUE 3.
               88  ZMD-FAILED         VALUE 4.
               88  ZMD-QUEUED         VALUE 5.
               88  ZMD-SUSPENDED      VALUE 6.
      *    -1: the service did not report it.
           15  ZMD-TOTAL-COUNT        PIC S9(18) COMP-5.
           15  ZMD-DELETED-COUNT      PIC S9(18) COMP-5.
           15  ZMD-FAILED-COUNT       PIC S9(18) COMP-5.
           15  ZMD-STATE-NAME         PIC X(16).
      *    Of the response; 0: there was none.
           15  ZMD-HTTP-STATUS        PIC S9(9) COMP-5.
      *    Whether all records were deleted: COMPLETED, none failed, and
      *    the deleted ones reach the total.
           15  ZMD-IS-SUCCESSFUL      PIC S9(9) COMP-5.
               88  ZMD-SUCCESSFUL     VALUE 1.
      *    COMPLETED or FAILED.
           15  ZMD-HAS-ENDED          PIC S9(9) COMP-5.
               88  ZMD-ENDED          VALUE 1.
      *    One line for people: COMPLETED, 9 of 9 deleted, 0 failed
           15  ZMD-STATUS-TEXT        PIC X(128).
      *    Of a wait, after each poll: milliseconds since it began; until
      *    its next poll, -1: the wait has ended; until the job's end as
      *    far as its counts show it, else -1.
           15  ZMD-ELAPSED-MS         PIC S9(18) COMP-5.
           15  ZMD-NEXT-POLL-MS       PIC S9(18) COMP-5.
           15  ZMD-REMAINING-MS       PIC S9(18) COMP-5.
      *    Of an error; else blank. ZMD-ERROR-CODE is the API's own.
           15  ZMD-ERROR-NAME         PIC X(32).
           15  ZMD-ERROR-CODE         PIC X(64).
           15  ZMD-ERROR-TEXT         PIC X(512).
