// Package events judges the event of tests/bench/events.py, and says where the servers are.
package events

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"
)

// Event has pointers where a zero is allowed and a missing value is not.
type Event struct {
	EventID     string    `json:"event_id"`
	OccurredAt  time.Time `json:"occurred_at"`
	UserID      string    `json:"user_id"`
	SessionID   string    `json:"session_id"`
	Page        string    `json:"page"`
	Country     string    `json:"country"`
	AmountCents *int64    `json:"amount_cents"`
	Score       *float64  `json:"score"`
	First       *bool     `json:"first"`
}

var countries = map[string]bool{"CH": true, "DE": true, "FR": true, "NL": true, "SE": true}

// Judge parses an event and returns what is wrong with it.
func Judge(raw []byte) (*Event, error) {
	var event Event
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	switch {
	case len(event.EventID) != 36:
		return nil, errors.New("event_id: a UUID is wanted")
	case event.OccurredAt.IsZero():
		return nil, errors.New("occurred_at: is missing")
	case event.UserID == "" || len(event.UserID) > 64:
		return nil, errors.New("user_id: 1 to 64 characters are wanted")
	case event.SessionID == "" || len(event.SessionID) > 64:
		return nil, errors.New("session_id: 1 to 64 characters are wanted")
	case event.Page == "" || len(event.Page) > 200:
		return nil, errors.New("page: 1 to 200 characters are wanted")
	case !countries[event.Country]:
		return nil, errors.New("country: is none of those")
	case event.AmountCents == nil || *event.AmountCents < 0:
		return nil, errors.New("amount_cents: a number from 0 on is wanted")
	case event.Score == nil || event.First == nil:
		return nil, errors.New("score or first: is missing")
	}
	return &event, nil
}

// Topics to read, and the brokers.
func Topics() []string  { return strings.Split(os.Getenv("TOPICS"), ",") }
func Brokers() []string { return strings.Split(os.Getenv("BROKERS"), ",") }
