      * The binding for COBOL, against the stand-in that tests/packages/hosts.rs starts.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDTEST.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmd.cpy".
       COPY "zmdjobs.cpy".
       COPY "zmdset.cpy".
       COPY "zmdcount.cpy".
       01  PROGRESS                   USAGE PROGRAM-POINTER.
       01  POLLS-SEEN                 PIC S9(9) COMP-5 EXTERNAL.
       01  STOP-AT                    PIC S9(9) COMP-5 EXTERNAL.
       01  I                          PIC S9(9) COMP-5.
       01  NEWS                       PIC S9(9) COMP-5 VALUE 0.
       01  TALLY-COUNT                PIC S9(9) COMP-5.
       01  CHECK-NAME                 PIC X(40).
       PROCEDURE DIVISION.
       MAIN SECTION.
           PERFORM CHECK-SETTINGS
           MOVE "Leads" TO ZMD-MODULE
           MOVE "1001" TO ZMD-JOB-ID

      *    The stand-in answers the first two polls with a job that is
      *    queued, without counts, and one that runs. A wait of no time
      *    polls once.
           MOVE 0 TO ZMD-TIMEOUT-MS
           MOVE "the first poll" TO CHECK-NAME
           CALL "ZMDWAIT" USING ZMD-REQUEST
           IF NOT ZMD-TIMEOUT OR NOT ZMD-QUEUED
               OR ZMD-TOTAL-COUNT NOT = -1 OR ZMD-STATE-NAME NOT =
               "QUEUED" PERFORM FAIL END-IF
           MOVE "the second poll" TO CHECK-NAME
           CALL "ZMDWAIT" USING ZMD-REQUEST
           IF NOT ZMD-TIMEOUT OR NOT ZMD-RUNNING
               OR ZMD-DELETED-COUNT NOT = 4 PERFORM FAIL END-IF
           MOVE "the wait" TO CHECK-NAME
           MOVE -1 TO ZMD-TIMEOUT-MS
           CALL "ZMDWAIT" USING ZMD-REQUEST
           PERFORM CHECK-COMPLETED

           MOVE "a completed job" TO CHECK-NAME
           CALL "ZMDSTAT" USING ZMD-REQUEST
           PERFORM CHECK-COMPLETED

           MOVE "a failed job is an answer" TO CHECK-NAME
           MOVE "1004" TO ZMD-JOB-ID
           CALL "ZMDSTAT" USING ZMD-REQUEST
           IF NOT ZMD-OK OR NOT ZMD-FAILED OR ZMD-SUCCESSFUL
               OR NOT ZMD-ENDED PERFORM FAIL END-IF

           MOVE "an error of the API" TO CHECK-NAME
           MOVE "error-NO_PERMISSION" TO ZMD-JOB-ID
           CALL "ZMDSTAT" USING ZMD-REQUEST
           MOVE 0 TO TALLY-COUNT
           INSPECT ZMD-ERROR-TEXT TALLYING TALLY-COUNT
               FOR ALL "permission denied"
           IF NOT ZMD-FORBIDDEN OR ZMD-ERROR-CODE NOT = "NO_PERMISSION"
               OR ZMD-ERROR-NAME NOT = "ZMD_ERR_FORBIDDEN"
               OR TALLY-COUNT NOT = 1 OR NOT ZMD-UNKNOWN
               OR ZMD-DELETED-COUNT NOT = -1
               PERFORM FAIL END-IF

           MOVE "an invalid argument" TO CHECK-NAME
           MOVE "Sales Orders" TO ZMD-MODULE
           CALL "ZMDSTAT" USING ZMD-REQUEST
           MOVE 0 TO TALLY-COUNT
           INSPECT ZMD-ERROR-TEXT TALLYING TALLY-COUNT
               FOR ALL "Sales_Orders"
           IF NOT ZMD-INVALID-ARGUMENT OR TALLY-COUNT = 0
               OR ZMD-ERROR-CODE NOT = SPACES PERFORM FAIL END-IF

           MOVE "a blank module" TO CHECK-NAME
           MOVE SPACES TO ZMD-MODULE
           CALL "ZMDSTAT" USING ZMD-REQUEST
           IF NOT ZMD-INVALID-ARGUMENT PERFORM FAIL END-IF

           MOVE "a wait that its limit ends" TO CHECK-NAME
           MOVE "Leads" TO ZMD-MODULE
           MOVE "1002" TO ZMD-JOB-ID
           MOVE 500 TO ZMD-TIMEOUT-MS
           CALL "ZMDWAIT" USING ZMD-REQUEST
           MOVE 0 TO TALLY-COUNT
           INSPECT ZMD-ERROR-TEXT TALLYING TALLY-COUNT
               FOR ALL "within 500 ms"
           IF NOT ZMD-TIMEOUT OR TALLY-COUNT = 0 PERFORM FAIL END-IF

           MOVE "after all of that" TO CHECK-NAME
           MOVE "1001" TO ZMD-JOB-ID
           CALL "ZMDSTAT" USING ZMD-REQUEST
           PERFORM CHECK-COMPLETED
           PERFORM CHECK-TOKEN
           PERFORM CHECK-TABLE
           PERFORM CHECK-FORECAST
           PERFORM CHECK-NEWS
           PERFORM CHECK-WATCH
           PERFORM CHECK-COUNTERS
           DISPLAY "ok cobol"
           STOP RUN.

      * The first call after them makes the client.
       CHECK-SETTINGS SECTION.
           MOVE "a setting that there is not" TO CHECK-NAME
           MOVE "log_flie" TO ZMD-KEY
           MOVE "stderr" TO ZMD-VALUE
           CALL "ZMDSET" USING ZMD-SETTING
           MOVE ZMD-SETTING-ERROR TO ZMD-ERROR
           MOVE ZMD-SETTING-ERROR-TEXT TO ZMD-ERROR-TEXT
           MOVE 0 TO TALLY-COUNT
           INSPECT ZMD-ERROR-TEXT TALLYING TALLY-COUNT
               FOR ALL "did you mean log_file"
           IF NOT ZMD-INVALID-CONFIG OR TALLY-COUNT = 0
               PERFORM FAIL END-IF
           MOVE "a profile that there is not" TO CHECK-NAME
           MOVE "profile" TO ZMD-KEY
           MOVE "elsewhere" TO ZMD-VALUE
           CALL "ZMDSET" USING ZMD-SETTING
           CALL "ZMDSTAT" USING ZMD-REQUEST
           IF NOT ZMD-SETTING-OK OR NOT ZMD-INVALID-CONFIG
               OR NOT ZMD-UNKNOWN OR ZMD-TOTAL-COUNT NOT = -1
               OR ZMD-ERROR-TEXT = SPACES PERFORM FAIL END-IF
           MOVE SPACES TO ZMD-VALUE
           CALL "ZMDSET" USING ZMD-SETTING
           MOVE "a setting" TO CHECK-NAME
           MOVE "log_level" TO ZMD-KEY
           MOVE "debug" TO ZMD-VALUE
           CALL "ZMDSET" USING ZMD-SETTING
           IF NOT ZMD-SETTING-OK PERFORM FAIL END-IF.

      * It can be replaced at any time, other settings cannot.
       CHECK-TOKEN SECTION.
           MOVE "a token that is refused" TO CHECK-NAME
           MOVE "access_token" TO ZMD-KEY
           MOVE "wrong" TO ZMD-VALUE
           CALL "ZMDSET" USING ZMD-SETTING
           MOVE "Leads" TO ZMD-MODULE
           MOVE "4711" TO ZMD-JOB-ID
           CALL "ZMDSTAT" USING ZMD-REQUEST
           IF NOT ZMD-UNAUTHORIZED OR ZMD-TRANSIENT
               OR ZMD-HTTP-STATUS NOT = 401 PERFORM FAIL END-IF
           MOVE "another token" TO CHECK-NAME
           ACCEPT ZMD-VALUE FROM ENVIRONMENT "ZMD_ACCESS_TOKEN"
           CALL "ZMDSET" USING ZMD-SETTING
           IF NOT ZMD-SETTING-OK PERFORM FAIL END-IF
           MOVE "a setting that comes too late" TO CHECK-NAME
           MOVE "log_file" TO ZMD-KEY
           CALL "ZMDSET" USING ZMD-SETTING
           IF NOT ZMD-SETTING-IS-LATE PERFORM FAIL END-IF.

      * A program that is called after each poll.
       CHECK-WATCH SECTION.
           SET PROGRESS TO ENTRY "ONPOLL"
           MOVE "a wait that is watched" TO CHECK-NAME
           MOVE "1001" TO ZMD-JOB-ID
           MOVE 60000 TO ZMD-TIMEOUT-MS
           MOVE 0 TO POLLS-SEEN STOP-AT
           CALL "ZMDWATCH" USING ZMD-REQUEST PROGRESS
           PERFORM CHECK-COMPLETED
           IF POLLS-SEEN NOT = 1 OR ZMD-NEXT-POLL-MS NOT = -1
               OR ZMD-ELAPSED-MS < 0 OR ZMD-HTTP-STATUS NOT = 200
               PERFORM FAIL END-IF
           MOVE "a wait that is stopped" TO CHECK-NAME
           MOVE "1002" TO ZMD-JOB-ID
           MOVE 0 TO POLLS-SEEN
           MOVE 2 TO STOP-AT
           CALL "ZMDWATCH" USING ZMD-REQUEST PROGRESS
           IF NOT ZMD-CANCELLED OR NOT ZMD-RUNNING
               OR POLLS-SEEN NOT = 2 PERFORM FAIL END-IF
           MOVE "an error that ends a wait" TO CHECK-NAME
           MOVE "error-NO_PERMISSION" TO ZMD-JOB-ID
           MOVE 0 TO POLLS-SEEN
           CALL "ZMDWATCH" USING ZMD-REQUEST PROGRESS
           IF NOT ZMD-FORBIDDEN OR ZMD-ERROR-CODE NOT = "NO_PERMISSION"
               OR POLLS-SEEN NOT = 0 PERFORM FAIL END-IF
           MOVE "an invalid job to watch" TO CHECK-NAME
           MOVE "no id" TO ZMD-JOB-ID
           CALL "ZMDWATCH" USING ZMD-REQUEST PROGRESS
           IF NOT ZMD-INVALID-ARGUMENT PERFORM FAIL END-IF.

       CHECK-COUNTERS SECTION.
           MOVE "counters" TO CHECK-NAME
           CALL "ZMDCOUNT" USING ZMD-COUNTERS
           IF ZMD-CREDITS NOT = -1 OR ZMD-POLLS < 8
               OR ZMD-CALLS <= ZMD-POLLS OR ZMD-CONNECTIONS < 1
               OR ZMD-BYTES-RECEIVED < 1000 OR ZMD-WAITED-MS < 1
               DISPLAY ZMD-CREDITS " " ZMD-CALLS " " ZMD-POLLS
                   UPON SYSERR
               PERFORM FAIL
           END-IF.

       CHECK-TABLE SECTION.
           MOVE 4 TO ZMD-JOB-COUNT
           PERFORM VARYING I FROM 1 BY 1 UNTIL I > 4
               SET JOB-WAIT-IS-NEW(I) TO TRUE
               MOVE "Leads" TO JOB-MODULE(I)
               MOVE -1 TO JOB-TIMEOUT-MS(I)
           END-PERFORM
           MOVE "no id" TO JOB-JOB-ID(1)
           MOVE "1001" TO JOB-JOB-ID(2)
           MOVE "1003" TO JOB-JOB-ID(3)
           MOVE "4711" TO JOB-JOB-ID(4)
           CALL "ZMDJOBS" USING ZMD-JOBS
           MOVE "a table of jobs" TO CHECK-NAME
           IF NOT ZMD-JOBS-OK OR ZMD-OPEN-COUNT NOT = 0
               PERFORM FAIL END-IF
           MOVE "an invalid job" TO CHECK-NAME
           MOVE JOB-REQUEST(1) TO ZMD-REQUEST
           IF NOT ZMD-INVALID-ARGUMENT OR ZMD-TOTAL-COUNT NOT = -1
               OR NOT JOB-WAIT-HAS-ENDED(1) PERFORM FAIL END-IF
           MOVE "the second job" TO CHECK-NAME
           MOVE JOB-REQUEST(2) TO ZMD-REQUEST
           PERFORM CHECK-COMPLETED
           MOVE "the third job" TO CHECK-NAME
           MOVE JOB-REQUEST(3) TO ZMD-REQUEST
           IF NOT ZMD-OK OR ZMD-SUCCESSFUL OR ZMD-FAILED-COUNT NOT = 2
               OR NOT JOB-WAIT-HAS-ENDED(3) OR ZMD-STATUS-TEXT NOT =
               "COMPLETED, 7 of 9 deleted, 2 failed"
               PERFORM FAIL END-IF
           MOVE "the fourth job" TO CHECK-NAME
           MOVE JOB-REQUEST(4) TO ZMD-REQUEST
           MOVE 0 TO TALLY-COUNT
           INSPECT ZMD-ERROR-TEXT TALLYING TALLY-COUNT FOR ALL "4711"
           IF NOT ZMD-JOB-NOT-FOUND OR ZMD-TRANSIENT OR TALLY-COUNT = 0
               OR ZMD-ERROR-NAME NOT = "ZMD_ERR_JOB_NOT_FOUND"
               OR ZMD-STATUS-TEXT NOT = "the status is unknown"
               PERFORM FAIL END-IF.

      * A job whose counts show when it ends.
       CHECK-FORECAST SECTION.
           MOVE 1 TO ZMD-JOB-COUNT
           SET JOB-WAIT-IS-NEW(1) TO TRUE
           MOVE "1005" TO JOB-JOB-ID(1)
           MOVE -1 TO ZMD-NEXT-TIMEOUT-MS JOB-TIMEOUT-MS(1)
           PERFORM WITH TEST AFTER UNTIL JOB-REMAINING-MS(1) > 10000
               OR ZMD-OPEN-COUNT = 0 OR NOT ZMD-JOBS-OK
               CALL "ZMDNEXT" USING ZMD-JOBS
           END-PERFORM
           MOVE "a forecast of the end" TO CHECK-NAME
           MOVE JOB-REQUEST(1) TO ZMD-REQUEST
           IF NOT JOB-WAIT-IS-OPEN(1) PERFORM FAIL END-IF.

      * A job that does not end, and two whose waits are added later.
       CHECK-NEWS SECTION.
           MOVE 1 TO ZMD-JOB-COUNT
           SET JOB-WAIT-IS-NEW(1) TO TRUE
           MOVE "1002" TO JOB-JOB-ID(1)
           MOVE -1 TO ZMD-NEXT-TIMEOUT-MS JOB-TIMEOUT-MS(1)
           CALL "ZMDNEXT" USING ZMD-JOBS
           MOVE "news of a job" TO CHECK-NAME
           MOVE JOB-REQUEST(1) TO ZMD-REQUEST
           IF NOT ZMD-JOBS-OK OR ZMD-NEWS-OF NOT = 1
               OR ZMD-OPEN-COUNT NOT = 1 OR NOT ZMD-RUNNING
               OR NOT JOB-WAIT-IS-OPEN(1) OR JOB-NEXT-POLL-MS(1) < 0
               OR JOB-ELAPSED-MS(1) < 0 PERFORM FAIL END-IF
           MOVE 2 TO ZMD-JOB-COUNT
           SET JOB-WAIT-IS-NEW(2) TO TRUE
           MOVE "Leads" TO JOB-MODULE(2)
           MOVE "1001" TO JOB-JOB-ID(2)
           MOVE -1 TO JOB-TIMEOUT-MS(2)
           MOVE 3 TO ZMD-JOB-COUNT
           SET JOB-WAIT-IS-NEW(3) TO TRUE
           MOVE "Leads" TO JOB-MODULE(3)
           MOVE "1002" TO JOB-JOB-ID(3)
           MOVE 0 TO JOB-TIMEOUT-MS(3)
           PERFORM UNTIL NOT ZMD-JOBS-OK OR NEWS > 2
               AND JOB-WAIT-HAS-ENDED(2) AND JOB-WAIT-HAS-ENDED(3)
               CALL "ZMDNEXT" USING ZMD-JOBS
               IF ZMD-NEWS-OF = 1 ADD 1 TO NEWS END-IF
           END-PERFORM
           MOVE "a wait that goes on" TO CHECK-NAME
           MOVE JOB-REQUEST(1) TO ZMD-REQUEST
           IF NOT ZMD-OK OR NOT ZMD-RUNNING OR ZMD-OPEN-COUNT NOT = 1
               PERFORM FAIL END-IF
           MOVE "a wait that its limit ends" TO CHECK-NAME
           MOVE JOB-REQUEST(3) TO ZMD-REQUEST
           IF NOT ZMD-TIMEOUT OR NOT ZMD-TRANSIENT OR NOT ZMD-RUNNING
               PERFORM FAIL END-IF
           MOVE "a wait that was added" TO CHECK-NAME
           MOVE JOB-REQUEST(2) TO ZMD-REQUEST
           PERFORM CHECK-COMPLETED
           MOVE "no news" TO CHECK-NAME
           SET JOB-WAIT-IS-NEW(1) TO TRUE
           MOVE "fault-stall-before-header" TO JOB-JOB-ID(1)
           MOVE -1 TO JOB-TIMEOUT-MS(1)
           MOVE 0 TO ZMD-NEXT-TIMEOUT-MS
           CALL "ZMDNEXT" USING ZMD-JOBS
           IF NOT ZMD-JOBS-OK OR ZMD-NEWS-OF NOT = 0
               OR ZMD-OPEN-COUNT NOT = 1 PERFORM FAIL END-IF.

       CHECK-COMPLETED SECTION.
           IF NOT ZMD-OK OR NOT ZMD-COMPLETED
               OR ZMD-TOTAL-COUNT NOT = 9 OR ZMD-DELETED-COUNT NOT = 9
               OR ZMD-FAILED-COUNT NOT = 0
               OR ZMD-STATE-NAME NOT = "COMPLETED"
               OR ZMD-ERROR-TEXT NOT = SPACES
               OR NOT ZMD-SUCCESSFUL OR NOT ZMD-ENDED
               OR ZMD-STATUS-TEXT NOT =
               "COMPLETED, 9 of 9 deleted, 0 failed"
               PERFORM FAIL
           END-IF.

       FAIL SECTION.
           DISPLAY CHECK-NAME UPON SYSERR
           DISPLAY ZMD-ERROR " " ZMD-ERROR-NAME ZMD-ERROR-CODE
               UPON SYSERR
           DISPLAY ZMD-STATE " " ZMD-TOTAL-COUNT " " ZMD-DELETED-COUNT
               " " ZMD-FAILED-COUNT UPON SYSERR
           DISPLAY ZMD-ERROR-TEXT UPON SYSERR
           MOVE 1 TO RETURN-CODE
           STOP RUN.
       END PROGRAM ZMDTEST.

      * It asks for another job, and checks what it is told of its own.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ONPOLL.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  POLLS-SEEN                 PIC S9(9) COMP-5 EXTERNAL.
       01  STOP-AT                    PIC S9(9) COMP-5 EXTERNAL.
       COPY "zmd.cpy" REPLACING LEADING ==ZMD-== BY ==OTHER-==.
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
           MOVE "Leads" TO OTHER-MODULE
           MOVE "1003" TO OTHER-JOB-ID
           CALL "ZMDSTAT" USING OTHER-REQUEST
           IF OTHER-OK AND ZMD-OK AND ZMD-ELAPSED-MS >= 0
               AND (ZMD-ENDED OR ZMD-NEXT-POLL-MS >= 0)
               ADD 1 TO POLLS-SEEN
           END-IF
           IF POLLS-SEEN = STOP-AT
               SET ZMD-STOP TO TRUE
           END-IF
           GOBACK.
       END PROGRAM ONPOLL.
