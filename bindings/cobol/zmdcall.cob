      * ZMDSTAT asks how far a mass-delete job is, ZMDWAIT waits until
      * it has ended, and ZMDWATCH too, with a call for each poll;
      * ZMDJOBS waits for a table of jobs, and ZMDNEXT for news of one
      * of them. ZMDSET changes a setting, ZMDCOUNT returns counters.
      * COBOL's records on one side, libzmd's strings and numbers on the
      * other.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDSTAT.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  CLIENT                     USAGE POINTER.
       COPY "zmdstat.cpy".
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
       MAIN SECTION.
           CALL "ZMDBEGIN" USING ZMD-REQUEST C-MODULE C-JOB-ID
               C-STATUS
           CALL "ZMDOPEN" USING CLIENT ZMD-ERROR
           IF ZMD-OK
               CALL STATIC "zmd_client_status" USING BY VALUE CLIENT
                   BY REFERENCE C-MODULE C-JOB-ID C-STATUS
                   RETURNING ZMD-ERROR
           END-IF
           CALL "ZMDFILL" USING C-STATUS ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDSTAT.

       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDWAIT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  NOBODY                     USAGE POINTER VALUE NULL.
       LOCAL-STORAGE SECTION.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  CLIENT                     USAGE POINTER.
       COPY "zmdstat.cpy".
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
       MAIN SECTION.
           CALL "ZMDBEGIN" USING ZMD-REQUEST C-MODULE C-JOB-ID
               C-STATUS
           CALL "ZMDOPEN" USING CLIENT ZMD-ERROR
           IF ZMD-OK
               CALL STATIC "zmd_client_wait" USING BY VALUE CLIENT
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE ZMD-TIMEOUT-MS NOBODY NOBODY
                   BY REFERENCE C-STATUS RETURNING ZMD-ERROR
           END-IF
           CALL "ZMDFILL" USING C-STATUS ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDWAIT.

      * Calls a program after each poll, between two calls of libzmd.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDWATCH RECURSIVE.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  C-ID                       PIC S9(18) COMP-5.
       01  NO-LIMIT                   PIC S9(18) COMP-5 VALUE -1.
       01  CLIENT                     USAGE POINTER.
       01  WAITS                      USAGE POINTER VALUE NULL.
       01  REPORT-POLLS               PIC 9 VALUE 1.
       COPY "zmdstat.cpy".
       COPY "zmdevent.cpy".
       LINKAGE SECTION.
       COPY "zmd.cpy".
       01  PROGRESS                   USAGE PROGRAM-POINTER.
       PROCEDURE DIVISION USING ZMD-REQUEST PROGRESS.
       MAIN SECTION.
           CALL "ZMDBEGIN" USING ZMD-REQUEST C-MODULE C-JOB-ID
               C-STATUS
           CALL "ZMDOPEN" USING CLIENT ZMD-ERROR
           IF ZMD-OK
               CALL STATIC "zmd_waits_new" USING BY VALUE CLIENT
                   BY REFERENCE WAITS RETURNING ZMD-ERROR
           END-IF
           IF ZMD-OK
               CALL STATIC "zmd_waits_add" USING BY VALUE WAITS
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE ZMD-TIMEOUT-MS
                   BY REFERENCE C-ID RETURNING ZMD-ERROR
           END-IF
           IF ZMD-OK
               MOVE 0 TO C-EVENT-HAS-ENDED
               PERFORM TAKE-EVENT UNTIL C-EVENT-HAS-ENDED = 1
           ELSE
               CALL "ZMDFILL" USING C-STATUS ZMD-REQUEST
           END-IF
           CALL STATIC "zmd_waits_free" USING BY VALUE WAITS
               RETURNING OMITTED
           GOBACK.

       TAKE-EVENT SECTION.
           CALL STATIC "zmd_waits_next" USING BY VALUE WAITS NO-LIMIT
               BY REFERENCE C-EVENT RETURNING ZMD-ERROR
           IF ZMD-OK
               CALL "ZMDEVENT" USING C-EVENT ZMD-REQUEST
           ELSE
               CALL "ZMDFILL" USING C-STATUS ZMD-REQUEST
               MOVE 1 TO C-EVENT-HAS-ENDED
           END-IF
      *    An error that ends the wait is that of ZMDWATCH.
           IF REPORT-POLLS = 1
               AND (ZMD-OK OR C-EVENT-HAS-ENDED = 0)
               MOVE 0 TO ZMD-IS-STOPPED
               CALL PROGRESS USING ZMD-REQUEST
               IF ZMD-STOP
                   MOVE 0 TO REPORT-POLLS
                   CALL STATIC "zmd_waits_remove" USING BY VALUE WAITS
                       C-ID
               END-IF
           END-IF.
       END PROGRAM ZMDWATCH.

      * The client that all calls share. The first one makes it, with
      * what is set until then.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDOPEN.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmdopen.cpy".
       01  NO-TEXT                    USAGE POINTER VALUE NULL.
       LINKAGE SECTION.
       01  CLIENT                     USAGE POINTER.
       01  RESULT                     PIC S9(9) COMP-5.
       PROCEDURE DIVISION USING CLIENT RESULT.
       MAIN SECTION.
           MOVE 0 TO RESULT
           IF OPEN-CLIENT = NULL
               PERFORM MAKE-CLIENT
           END-IF
           SET CLIENT TO OPEN-CLIENT
           GOBACK.

       MAKE-CLIENT SECTION.
           IF OPEN-CONFIG = NULL
               CALL STATIC "zmd_config_new" USING
                   BY REFERENCE OPEN-CONFIG RETURNING RESULT
           END-IF
           IF RESULT = 0
               CALL STATIC "zmd_config_load_env" USING
                   BY VALUE OPEN-CONFIG RETURNING RESULT
           END-IF
           IF RESULT = 0 AND OPEN-PROFILE = LOW-VALUES
               CALL STATIC "zmd_config_load_file" USING
                   BY VALUE OPEN-CONFIG NO-TEXT NO-TEXT
                   RETURNING RESULT
           END-IF
           IF RESULT = 0 AND OPEN-PROFILE NOT = LOW-VALUES
               CALL STATIC "zmd_config_load_file" USING
                   BY VALUE OPEN-CONFIG NO-TEXT
                   BY REFERENCE OPEN-PROFILE RETURNING RESULT
           END-IF
           IF RESULT = 0
               CALL STATIC "zmd_client_new" USING BY VALUE OPEN-CONFIG
                   BY REFERENCE OPEN-CLIENT RETURNING RESULT
           END-IF.
       END PROGRAM ZMDOPEN.

      * A setting is one of the client that the first call makes, but
      * for the access token, which can be replaced at any time.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDSET.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmdopen.cpy".
       LOCAL-STORAGE SECTION.
       01  C-KEY                      PIC X(33).
       01  C-VALUE                    PIC X(4097).
       01  C-TEXT                     USAGE POINTER.
       LINKAGE SECTION.
       COPY "zmdset.cpy".
       PROCEDURE DIVISION USING ZMD-SETTING.
       MAIN SECTION.
           MOVE 0 TO ZMD-SETTING-ERROR
           MOVE SPACES TO ZMD-SETTING-ERROR-TEXT
           STRING FUNCTION TRIM(ZMD-KEY) X"00"
               DELIMITED BY SIZE INTO C-KEY
           STRING FUNCTION TRIM(ZMD-VALUE) X"00"
               DELIMITED BY SIZE INTO C-VALUE
           IF OPEN-CONFIG = NULL
               CALL STATIC "zmd_config_new" USING
                   BY REFERENCE OPEN-CONFIG RETURNING ZMD-SETTING-ERROR
           END-IF
           EVALUATE TRUE
               WHEN OPEN-CLIENT NOT = NULL AND ZMD-KEY = "access_token"
                   CALL STATIC "zmd_client_set_access_token" USING
                       BY VALUE OPEN-CLIENT BY REFERENCE C-VALUE
                       RETURNING ZMD-SETTING-ERROR
               WHEN OPEN-CLIENT NOT = NULL
                   SET ZMD-SETTING-IS-LATE TO TRUE
               WHEN ZMD-KEY = "profile" AND ZMD-VALUE = SPACES
                   MOVE LOW-VALUES TO OPEN-PROFILE
               WHEN ZMD-KEY = "profile"
                   MOVE C-VALUE TO OPEN-PROFILE
               WHEN OTHER
                   CALL STATIC "zmd_config_set" USING
                       BY VALUE OPEN-CONFIG BY REFERENCE C-KEY C-VALUE
                       RETURNING ZMD-SETTING-ERROR
           END-EVALUATE
           IF ZMD-SETTING-IS-LATE
               MOVE "set it before the first call of another program"
                   TO ZMD-SETTING-ERROR-TEXT
           END-IF
           IF NOT ZMD-SETTING-OK AND NOT ZMD-SETTING-IS-LATE
               CALL STATIC "zmd_last_error" RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-SETTING-ERROR-TEXT
           END-IF
           GOBACK.
       END PROGRAM ZMDSET.

       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDCOUNT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmdopen.cpy".
       LOCAL-STORAGE SECTION.
       01  C-SIZE                     PIC S9(18) COMP-5 VALUE 72.
       LINKAGE SECTION.
       COPY "zmdcount.cpy".
       PROCEDURE DIVISION USING ZMD-COUNTERS.
       MAIN SECTION.
           INITIALIZE ZMD-COUNTERS
           CALL STATIC "zmd_client_credits" USING BY VALUE OPEN-CLIENT
               RETURNING ZMD-CREDITS
           IF OPEN-CLIENT NOT = NULL
               CALL STATIC "zmd_client_counters" USING
                   BY VALUE OPEN-CLIENT BY REFERENCE ZMD-COUNTS
                   BY VALUE C-SIZE
           END-IF
           GOBACK.
       END PROGRAM ZMDCOUNT.

      * A job's names as strings of C, which end with a NUL, and the
      * status of one that has not been asked for.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDBEGIN.
       DATA DIVISION.
       LINKAGE SECTION.
       COPY "zmd.cpy".
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       COPY "zmdstat.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST C-MODULE C-JOB-ID C-STATUS.
       MAIN SECTION.
           STRING FUNCTION TRIM(ZMD-MODULE) X"00"
               DELIMITED BY SIZE INTO C-MODULE
           STRING FUNCTION TRIM(ZMD-JOB-ID) X"00"
               DELIMITED BY SIZE INTO C-JOB-ID
           INITIALIZE C-STATUS
           MOVE -1 TO C-TOTAL-COUNT C-DELETED-COUNT C-FAILED-COUNT
               ZMD-ELAPSED-MS ZMD-NEXT-POLL-MS ZMD-REMAINING-MS
           GOBACK.
       END PROGRAM ZMDBEGIN.

      * The answer, from a zmd_status. The texts of an error are those
      * of the last call, or of the event that it returned.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDFILL.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  C-TEXT                     USAGE POINTER.
       01  INDEX-0                    PIC S9(18) COMP-5 VALUE 0.
       01  C-LINE                     PIC X(128).
       01  C-SIZE                     PIC S9(18) COMP-5 VALUE 128.
       LINKAGE SECTION.
       COPY "zmdstat.cpy".
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING C-STATUS ZMD-REQUEST.
       MAIN SECTION.
           MOVE SPACES TO ZMD-ERROR-NAME ZMD-ERROR-CODE ZMD-ERROR-TEXT
           IF NOT ZMD-OK
               CALL STATIC "zmd_last_error" RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-TEXT
               CALL STATIC "zmd_last_error_code" RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-CODE
               CALL STATIC "zmd_error_name" USING BY VALUE ZMD-ERROR
                   RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-NAME
           END-IF
           IF NOT ZMD-OK AND ZMD-ERROR-TEXT = SPACES
               CALL STATIC "zmd_last_error_of_job" USING
                   BY VALUE INDEX-0 RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-TEXT
               CALL STATIC "zmd_last_error_code_of_job" USING
                   BY VALUE INDEX-0 RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-CODE
           END-IF
           CALL STATIC "zmd_error_is_transient" USING BY VALUE ZMD-ERROR
               RETURNING ZMD-IS-TRANSIENT
           MOVE C-HTTP-STATUS TO ZMD-HTTP-STATUS
      *    A proxy that refused the credentials refuses them again.
           IF ZMD-HTTP-STATUS = 407
               MOVE 0 TO ZMD-IS-TRANSIENT
           END-IF
           MOVE C-STATE TO ZMD-STATE
           MOVE C-TOTAL-COUNT TO ZMD-TOTAL-COUNT
           MOVE C-DELETED-COUNT TO ZMD-DELETED-COUNT
           MOVE C-FAILED-COUNT TO ZMD-FAILED-COUNT
           CALL STATIC "zmd_state_name" USING BY VALUE ZMD-STATE
               RETURNING C-TEXT
           CALL "ZMDTEXT" USING C-TEXT ZMD-STATE-NAME
           CALL STATIC "zmd_status_is_successful" USING
               BY REFERENCE C-STATUS RETURNING ZMD-IS-SUCCESSFUL
           CALL STATIC "zmd_status_has_ended" USING
               BY REFERENCE C-STATUS RETURNING ZMD-HAS-ENDED
           CALL STATIC "zmd_status_text" USING
               BY REFERENCE C-STATUS C-LINE BY VALUE C-SIZE
               RETURNING C-SIZE
           MOVE SPACES TO ZMD-STATUS-TEXT
           STRING C-LINE DELIMITED BY X"00" INTO ZMD-STATUS-TEXT
           GOBACK.
       END PROGRAM ZMDFILL.

      * The answer, from an event of a wait.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDEVENT.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       COPY "zmdstat.cpy".
       LINKAGE SECTION.
       COPY "zmdevent.cpy".
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING C-EVENT ZMD-REQUEST.
       MAIN SECTION.
           MOVE C-EVENT-ERROR TO ZMD-ERROR
           MOVE C-ELAPSED-MS TO ZMD-ELAPSED-MS
           MOVE C-NEXT-POLL-MS TO ZMD-NEXT-POLL-MS
           CALL STATIC "zmd_progress_remaining_ms"
               RETURNING ZMD-REMAINING-MS
           MOVE C-EVENT-STATUS TO C-STATUS
           CALL "ZMDFILL" USING C-STATUS ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDEVENT.

      * Waits until the waits for all jobs of a table have ended.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDJOBS.
       DATA DIVISION.
       LINKAGE SECTION.
       COPY "zmdjobs.cpy".
       PROCEDURE DIVISION USING ZMD-JOBS.
       MAIN SECTION.
           MOVE -1 TO ZMD-NEXT-TIMEOUT-MS
           PERFORM WITH TEST AFTER
               UNTIL ZMD-OPEN-COUNT = 0 OR NOT ZMD-JOBS-OK
               CALL "ZMDNEXT" USING ZMD-JOBS
           END-PERFORM
           GOBACK.
       END PROGRAM ZMDJOBS.

      * Begins the waits that are new, and waits for news of a job. All
      * calls share a queue of waits.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDNEXT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  WAITS                      USAGE POINTER VALUE NULL.
       LOCAL-STORAGE SECTION.
       01  CLIENT                     USAGE POINTER.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  C-ID                       PIC S9(18) COMP-5.
       01  C-TEXT                     USAGE POINTER.
       01  I                          PIC S9(9) COMP-5.
       01  C-RESULT                   PIC S9(9) COMP-5.
           88  NO-NEWS                VALUE 15.
       COPY "zmdevent.cpy".
       COPY "zmdstat.cpy".
       LINKAGE SECTION.
       COPY "zmdjobs.cpy".
       PROCEDURE DIVISION USING ZMD-JOBS.
       MAIN SECTION.
           MOVE 0 TO ZMD-NEWS-OF ZMD-JOBS-ERROR
           MOVE SPACES TO ZMD-JOBS-ERROR-TEXT
           IF WAITS = NULL
               PERFORM MAKE-QUEUE
           END-IF
           IF ZMD-JOBS-OK
               PERFORM BEGIN-WAIT VARYING I FROM 1 BY 1
                   UNTIL I > ZMD-JOB-COUNT OR ZMD-NEWS-OF NOT = 0
           END-IF
           PERFORM COUNT-OPEN
           IF ZMD-JOBS-OK AND ZMD-NEWS-OF = 0 AND ZMD-OPEN-COUNT > 0
               PERFORM TAKE-EVENT
               PERFORM COUNT-OPEN
           END-IF
           GOBACK.

       MAKE-QUEUE SECTION.
           CALL "ZMDOPEN" USING CLIENT ZMD-JOBS-ERROR
           IF ZMD-JOBS-OK
               CALL STATIC "zmd_waits_new" USING BY VALUE CLIENT
                   BY REFERENCE WAITS RETURNING ZMD-JOBS-ERROR
           END-IF
           IF NOT ZMD-JOBS-OK
               PERFORM JOBS-ERROR
           END-IF.

       JOBS-ERROR SECTION.
           CALL STATIC "zmd_last_error" RETURNING C-TEXT
           CALL "ZMDTEXT" USING C-TEXT ZMD-JOBS-ERROR-TEXT.

      * A wait that can't begin has ended, which is news.
       BEGIN-WAIT SECTION.
           IF JOB-WAIT-IS-NEW(I)
               CALL "ZMDBEGIN" USING JOB-REQUEST(I) C-MODULE C-JOB-ID
                   C-STATUS
               CALL STATIC "zmd_waits_add" USING BY VALUE WAITS
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE JOB-TIMEOUT-MS(I)
                   BY REFERENCE C-ID RETURNING JOB-ERROR(I)
               CALL "ZMDFILL" USING C-STATUS JOB-REQUEST(I)
               IF JOB-OK(I)
                   MOVE C-ID TO JOB-WAIT-ID(I)
                   SET JOB-WAIT-IS-OPEN(I) TO TRUE
               ELSE
                   MOVE I TO ZMD-NEWS-OF
                   SET JOB-WAIT-HAS-ENDED(I) TO TRUE
               END-IF
           END-IF.

       COUNT-OPEN SECTION.
           MOVE 0 TO ZMD-OPEN-COUNT
           PERFORM VARYING I FROM 1 BY 1 UNTIL I > ZMD-JOB-COUNT
               IF NOT JOB-WAIT-HAS-ENDED(I)
                   ADD 1 TO ZMD-OPEN-COUNT
               END-IF
           END-PERFORM.

       TAKE-EVENT SECTION.
           MOVE 0 TO C-RESULT
           PERFORM UNTIL ZMD-NEWS-OF NOT = 0 OR C-RESULT NOT = 0
               CALL STATIC "zmd_waits_next" USING BY VALUE WAITS
                   BY VALUE ZMD-NEXT-TIMEOUT-MS
                   BY REFERENCE C-EVENT RETURNING C-RESULT
               IF C-RESULT = 0
                   PERFORM FIND-JOB
               END-IF
           END-PERFORM
           IF C-RESULT NOT = 0 AND NOT NO-NEWS
               MOVE C-RESULT TO ZMD-JOBS-ERROR
               PERFORM JOBS-ERROR
           END-IF.

       FIND-JOB SECTION.
           PERFORM VARYING I FROM 1 BY 1
               UNTIL I > ZMD-JOB-COUNT OR ZMD-NEWS-OF NOT = 0
               IF JOB-WAIT-IS-OPEN(I) AND JOB-WAIT-ID(I) = C-EVENT-ID
                   PERFORM FILL-JOB
               END-IF
           END-PERFORM
      *    The table has another job in the place of this one.
           IF ZMD-NEWS-OF = 0
               CALL STATIC "zmd_waits_remove" USING BY VALUE WAITS
                   BY VALUE C-EVENT-ID RETURNING C-RESULT
           END-IF.

       FILL-JOB SECTION.
           MOVE I TO ZMD-NEWS-OF
           CALL "ZMDEVENT" USING C-EVENT JOB-REQUEST(I)
           IF C-EVENT-HAS-ENDED = 1
               SET JOB-WAIT-HAS-ENDED(I) TO TRUE
           END-IF.
       END PROGRAM ZMDNEXT.

      * A string of C as a field of COBOL, cut to fit.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDTEXT.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  I                          PIC S9(9) COMP-5.
       LINKAGE SECTION.
       01  C-TEXT                     USAGE POINTER.
       01  FIELD                      PIC X ANY LENGTH.
       01  C-CHARACTERS               PIC X(512).
       PROCEDURE DIVISION USING C-TEXT FIELD.
       MAIN SECTION.
           SET ADDRESS OF C-CHARACTERS TO C-TEXT
           MOVE SPACES TO FIELD
           PERFORM VARYING I FROM 1 BY 1
               UNTIL I > LENGTH OF FIELD OR C-CHARACTERS(I:1) = X"00"
               MOVE C-CHARACTERS(I:1) TO FIELD(I:1)
           END-PERFORM
           GOBACK.
       END PROGRAM ZMDTEXT.
