      * ZMDSTAT asks how far a mass-delete job is, ZMDWAIT waits until
      * it has ended; ZMDJOBS waits for a table of jobs, and ZMDNEXT for
      * news of one of them. COBOL's records on one side, libzmd's
      * strings and numbers on the other. The settings are those of the
      * environment and of the configuration file.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDSTAT.
       DATA DIVISION.
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
           CALL "ZMDCALL" USING "S" ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDSTAT.

       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDWAIT.
       DATA DIVISION.
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
           CALL "ZMDCALL" USING "W" ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDWAIT.

       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDCALL.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  C-TEXT                     USAGE POINTER.
       01  C-CODE                     USAGE POINTER.
       COPY "zmdstat.cpy".
       LINKAGE SECTION.
       01  WHAT                       PIC X.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING WHAT ZMD-REQUEST.
       MAIN SECTION.
      *    A string of C ends with a NUL.
           STRING FUNCTION TRIM(ZMD-MODULE) X"00"
               DELIMITED BY SIZE INTO C-MODULE
           STRING FUNCTION TRIM(ZMD-JOB-ID) X"00"
               DELIMITED BY SIZE INTO C-JOB-ID
           IF WHAT = "S"
               CALL STATIC "zmd_simple_status" USING
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY REFERENCE C-STATE C-TOTAL-COUNT
                   C-DELETED-COUNT C-FAILED-COUNT
                   RETURNING ZMD-ERROR
           ELSE
               CALL STATIC "zmd_simple_wait" USING
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE ZMD-TIMEOUT-MS
                   BY REFERENCE C-STATE C-TOTAL-COUNT
                   C-DELETED-COUNT C-FAILED-COUNT
                   RETURNING ZMD-ERROR
           END-IF
           CALL STATIC "zmd_last_error" RETURNING C-TEXT
           CALL STATIC "zmd_last_error_code" RETURNING C-CODE
           CALL "ZMDFILL" USING C-STATUS C-TEXT C-CODE ZMD-REQUEST
           GOBACK.
       END PROGRAM ZMDCALL.

      * The answer, from a zmd_status and the texts of an error.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDFILL.
       DATA DIVISION.
       LOCAL-STORAGE SECTION.
       01  C-NAME                     USAGE POINTER.
       01  C-LINE                     PIC X(128).
       01  C-SIZE                     PIC S9(18) COMP-5 VALUE 128.
       LINKAGE SECTION.
       COPY "zmdstat.cpy".
       01  C-TEXT                     USAGE POINTER.
       01  C-CODE                     USAGE POINTER.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING C-STATUS C-TEXT C-CODE ZMD-REQUEST.
       MAIN SECTION.
           MOVE SPACES TO ZMD-ERROR-NAME ZMD-ERROR-CODE ZMD-ERROR-TEXT
           IF NOT ZMD-OK
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-TEXT
               CALL "ZMDTEXT" USING C-CODE ZMD-ERROR-CODE
               CALL STATIC "zmd_error_name" USING BY VALUE ZMD-ERROR
                   RETURNING C-NAME
               CALL "ZMDTEXT" USING C-NAME ZMD-ERROR-NAME
           END-IF
           CALL STATIC "zmd_error_is_transient" USING BY VALUE ZMD-ERROR
               RETURNING ZMD-IS-TRANSIENT
           MOVE C-STATE TO ZMD-STATE
           MOVE C-TOTAL-COUNT TO ZMD-TOTAL-COUNT
           MOVE C-DELETED-COUNT TO ZMD-DELETED-COUNT
           MOVE C-FAILED-COUNT TO ZMD-FAILED-COUNT
           CALL STATIC "zmd_state_name" USING BY VALUE ZMD-STATE
               RETURNING C-NAME
           CALL "ZMDTEXT" USING C-NAME ZMD-STATE-NAME
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
       01  CLIENT                     USAGE POINTER VALUE NULL.
       01  NO-CONFIG                  USAGE POINTER VALUE NULL.
       01  INDEX-0                    PIC S9(18) COMP-5 VALUE 0.
       LOCAL-STORAGE SECTION.
       01  C-MODULE                   PIC X(101).
       01  C-JOB-ID                   PIC X(65).
       01  C-ID                       PIC S9(18) COMP-5.
       01  C-TEXT                     USAGE POINTER.
       01  C-CODE                     USAGE POINTER.
       01  I                          PIC S9(9) COMP-5.
       01  C-RESULT                   PIC S9(9) COMP-5.
           88  NO-NEWS                VALUE 15.
      *    A zmd_event.
       01  C-EVENT.
           05  C-EVENT-ID             PIC S9(18) COMP-5.
           05  C-EVENT-ERROR          PIC S9(9) COMP-5.
           05  C-EVENT-HAS-ENDED      PIC S9(9) COMP-5.
           05  C-ELAPSED-MS           PIC S9(18) COMP-5.
           05  C-NEXT-POLL-MS         PIC S9(18) COMP-5.
           05  C-EVENT-STATUS         PIC X(64).
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
           CALL STATIC "zmd_client_new" USING BY VALUE NO-CONFIG
               BY REFERENCE CLIENT RETURNING ZMD-JOBS-ERROR
           IF ZMD-JOBS-OK
               CALL STATIC "zmd_waits_new" USING BY VALUE CLIENT
                   BY REFERENCE WAITS RETURNING ZMD-JOBS-ERROR
           END-IF
           IF NOT ZMD-JOBS-OK
               PERFORM JOBS-ERROR
           END-IF
      *    The queue has its own.
           CALL STATIC "zmd_client_free" USING BY VALUE CLIENT
               RETURNING OMITTED
           SET CLIENT TO NULL.

       JOBS-ERROR SECTION.
           CALL STATIC "zmd_last_error" RETURNING C-TEXT
           CALL "ZMDTEXT" USING C-TEXT ZMD-JOBS-ERROR-TEXT.

      * A wait that can't begin has ended, which is news.
       BEGIN-WAIT SECTION.
           IF JOB-WAIT-IS-NEW(I)
               STRING FUNCTION TRIM(JOB-MODULE(I)) X"00"
                   DELIMITED BY SIZE INTO C-MODULE
               STRING FUNCTION TRIM(JOB-JOB-ID(I)) X"00"
                   DELIMITED BY SIZE INTO C-JOB-ID
               CALL STATIC "zmd_waits_add" USING BY VALUE WAITS
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE JOB-TIMEOUT-MS(I)
                   BY REFERENCE C-ID RETURNING JOB-ERROR(I)
               INITIALIZE C-STATUS
               MOVE -1 TO C-TOTAL-COUNT C-DELETED-COUNT C-FAILED-COUNT
               CALL STATIC "zmd_last_error" RETURNING C-TEXT
               CALL STATIC "zmd_last_error_code" RETURNING C-CODE
               CALL "ZMDFILL" USING C-STATUS C-TEXT C-CODE
                   JOB-REQUEST(I)
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
           MOVE C-EVENT-ERROR TO JOB-ERROR(I)
           MOVE C-ELAPSED-MS TO JOB-ELAPSED-MS(I)
           MOVE C-NEXT-POLL-MS TO JOB-NEXT-POLL-MS(I)
           CALL STATIC "zmd_progress_remaining_ms"
               RETURNING JOB-REMAINING-MS(I)
           MOVE C-EVENT-STATUS TO C-STATUS
           CALL STATIC "zmd_last_error_of_job" USING BY VALUE INDEX-0
               RETURNING C-TEXT
           CALL STATIC "zmd_last_error_code_of_job" USING
               BY VALUE INDEX-0 RETURNING C-CODE
           CALL "ZMDFILL" USING C-STATUS C-TEXT C-CODE JOB-REQUEST(I)
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
