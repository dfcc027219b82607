      * The table of ZMDNEXT and ZMDJOBS: up to 1000 jobs.
       01  ZMD-JOBS.
      *    What to ask: how many jobs are in the table, and of ZMDNEXT
      *    how long to wait for news; negative: without a limit.
           05  ZMD-JOB-COUNT          PIC S9(9) COMP-5 VALUE 0.
           05  ZMD-NEXT-TIMEOUT-MS    PIC S9(18) COMP-5 VALUE -1.
      *    The answer: how many waits are open; of which job there is
      *    news, 0: of none.
           05  ZMD-OPEN-COUNT         PIC S9(9) COMP-5.
           05  ZMD-NEWS-OF            PIC S9(9) COMP-5.
      *    An error of the call itself, such as a wrong setting.
           05  ZMD-JOBS-ERROR         PIC S9(9) COMP-5.
               88  ZMD-JOBS-OK        VALUE 0.
           05  ZMD-JOBS-ERROR-TEXT    PIC X(512).
           05  ZMD-JOB OCCURS 1 TO 1000 TIMES
               DEPENDING ON ZMD-JOB-COUNT.
               10  JOB-WAIT           PIC S9(9) COMP-5.
      *    Move TRUE to it with a job's name and limit.
                   88  JOB-WAIT-IS-NEW VALUE 0.
                   88  JOB-WAIT-IS-OPEN VALUE 1.
                   88  JOB-WAIT-HAS-ENDED VALUE 2.
               10  JOB-WAIT-ID        PIC S9(18) COMP-5.
               10  JOB-REQUEST.
       COPY "zmdjob.cpy" REPLACING LEADING ==ZMD-== BY ==JOB-==.
