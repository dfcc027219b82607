//go:build go1.21

package zmd

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func init() { testSlog = slogTest }

func slogTest(t *testing.T) {
	client, err := FromEnvironment(nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := func(least slog.Level) string {
		var text bytes.Buffer
		if err := SetLogger(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: least}))); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Status(background, "Leads", "1001"); err != nil {
			t.Fatal(err)
		}
		if err := SetLogger(nil); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if text := lines(slog.LevelDebug); !strings.Contains(text, `level=DEBUG msg="client: job 1001 of Leads: COMPLETED`) {
		t.Fatal(text)
	}
	if text := lines(slog.LevelWarn); text != "" {
		t.Fatal(text)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
}
