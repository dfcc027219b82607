      * A job step that waits until a mass-delete job has ended, and
      * displays its progress after each poll.
      *
      *     zmdstep MODULE JOB-ID [MINUTES]
      *
      * RETURN-CODE:  0  every record was deleted
      *               4  completed, but records were left behind
      *               8  the job failed
      *              12  it still runs after so many minutes
      *                  (240 where none are given)
      *              16  an error, or wrong arguments
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ZMDSTEP.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "zmd.cpy".
       01  ARGUMENT-COUNT             PIC 9(4).
       01  MINUTES-TEXT               PIC X(10) VALUE "240".
       01  PROGRESS                   USAGE PROGRAM-POINTER.
       PROCEDURE DIVISION.
       MAIN SECTION.
           PERFORM GET-ARGUMENTS
           SET PROGRESS TO ENTRY "SHOWPOLL"
           CALL "ZMDWATCH" USING ZMD-REQUEST PROGRESS
           PERFORM SET-RETURN-CODE
           STOP RUN.

       GET-ARGUMENTS SECTION.
           ACCEPT ARGUMENT-COUNT FROM ARGUMENT-NUMBER
           IF ARGUMENT-COUNT < 2 OR ARGUMENT-COUNT > 3
               DISPLAY "usage: zmdstep MODULE JOB-ID [MINUTES]"
                   UPON SYSERR
               MOVE 16 TO RETURN-CODE
               STOP RUN
           END-IF
           ACCEPT ZMD-MODULE FROM ARGUMENT-VALUE
           ACCEPT ZMD-JOB-ID FROM ARGUMENT-VALUE
           IF ARGUMENT-COUNT = 3
               ACCEPT MINUTES-TEXT FROM ARGUMENT-VALUE
           END-IF
           IF FUNCTION TEST-NUMVAL(MINUTES-TEXT) NOT = 0
               DISPLAY "MINUTES is no number" UPON SYSERR
               MOVE 16 TO RETURN-CODE
               STOP RUN
           END-IF
           COMPUTE ZMD-TIMEOUT-MS =
               FUNCTION NUMVAL(MINUTES-TEXT) * 60000.

      * After a timeout the state and the counts are set.

       SET-RETURN-CODE SECTION.
           IF NOT ZMD-OK
               DISPLAY FUNCTION TRIM(ZMD-ERROR-NAME) ": "
                   FUNCTION TRIM(ZMD-ERROR-TEXT) UPON SYSERR
           END-IF
           EVALUATE TRUE
               WHEN ZMD-OK AND ZMD-SUCCESSFUL
                   MOVE 0 TO RETURN-CODE
               WHEN ZMD-OK AND ZMD-COMPLETED
                   MOVE 4 TO RETURN-CODE
               WHEN ZMD-OK AND ZMD-FAILED
                   MOVE 8 TO RETURN-CODE
               WHEN ZMD-OK
                   DISPLAY "the job is in a state that is not known"
                       UPON SYSERR
                   MOVE 16 TO RETURN-CODE
               WHEN ZMD-TIMEOUT AND NOT ZMD-UNKNOWN
                   MOVE 12 TO RETURN-CODE
               WHEN OTHER
                   MOVE 16 TO RETURN-CODE
           END-EVALUATE.
       END PROGRAM ZMDSTEP.

       IDENTIFICATION DIVISION.
       PROGRAM-ID. SHOWPOLL.
       DATA DIVISION.
       LINKAGE SECTION.
       COPY "zmd.cpy".
       PROCEDURE DIVISION USING ZMD-REQUEST.
           IF ZMD-OK
               DISPLAY FUNCTION TRIM(ZMD-STATUS-TEXT)
           ELSE
      *        The wait continues.
               DISPLAY FUNCTION TRIM(ZMD-ERROR-TEXT) UPON SYSERR
           END-IF
           GOBACK.
       END PROGRAM SHOWPOLL.
