      * ZMDSTAT asks how far a mass-delete job is, ZMDWAIT waits until
      * it has ended: COBOL's records on one side, libzmd's strings and
      * numbers on the other. The settings are those of the
      * environment.
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
      *    A zmd_status.
       01  C-STATUS.
           05  C-STATE                PIC S9(9) COMP-5.
           05  C-HTTP-STATUS          PIC S9(9) COMP-5 VALUE 0.
           05  C-TOTAL-COUNT          PIC S9(18) COMP-5.
           05  C-DELETED-COUNT        PIC S9(18) COMP-5.
           05  C-FAILED-COUNT         PIC S9(18) COMP-5.
           05  C-STATE-TEXT           PIC X(32) VALUE LOW-VALUES.
       01  C-LINE                     PIC X(128).
       01  C-SIZE                     PIC S9(18) COMP-5 VALUE 128.
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
                   BY REFERENCE ZMD-STATE ZMD-TOTAL-COUNT
                   ZMD-DELETED-COUNT ZMD-FAILED-COUNT
                   RETURNING ZMD-ERROR
           ELSE
               CALL STATIC "zmd_simple_wait" USING
                   BY REFERENCE C-MODULE C-JOB-ID
                   BY VALUE ZMD-TIMEOUT-MS
                   BY REFERENCE ZMD-STATE ZMD-TOTAL-COUNT
                   ZMD-DELETED-COUNT ZMD-FAILED-COUNT
                   RETURNING ZMD-ERROR
           END-IF
           MOVE SPACES TO ZMD-ERROR-NAME ZMD-ERROR-CODE ZMD-ERROR-TEXT
           IF NOT ZMD-OK
      *        First what the next call of the library may change.
               CALL STATIC "zmd_last_error" RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-TEXT
               CALL STATIC "zmd_last_error_code" RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-CODE
               CALL STATIC "zmd_error_name" USING BY VALUE ZMD-ERROR
                   RETURNING C-TEXT
               CALL "ZMDTEXT" USING C-TEXT ZMD-ERROR-NAME
           END-IF
           CALL STATIC "zmd_state_name" USING BY VALUE ZMD-STATE
               RETURNING C-TEXT
           CALL "ZMDTEXT" USING C-TEXT ZMD-STATE-NAME
           MOVE ZMD-STATE TO C-STATE
           MOVE ZMD-TOTAL-COUNT TO C-TOTAL-COUNT
           MOVE ZMD-DELETED-COUNT TO C-DELETED-COUNT
           MOVE ZMD-FAILED-COUNT TO C-FAILED-COUNT
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
       END PROGRAM ZMDCALL.

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
