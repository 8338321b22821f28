// A gateway as one would write it in Go: net/http, encoding/json, franz-go; idempotent, acks=all.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"bench/internal/events"

	"github.com/twmb/franz-go/pkg/kgo"
)

type sent struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

type result struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type gateway struct{ kafka *kgo.Client }

func (g gateway) one(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.publish(w, []sent{{r.PathValue("type"), body}})
}

func (g gateway) several(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Events []sent `json:"events"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &batch)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.publish(w, batch.Events)
}

// publish answers when Kafka has acknowledged all good events.
func (g gateway) publish(w http.ResponseWriter, batch []sent) {
	results := make([]result, len(batch))
	var waiting sync.WaitGroup
	var failed atomic.Int64
	accepted := 0
	for i, one := range batch {
		event, err := events.Judge(one.Data)
		if err != nil {
			results[i] = result{"rejected", err.Error()}
			continue
		}
		accepted++
		results[i] = result{Status: "accepted"}
		waiting.Add(1)
		record := &kgo.Record{Topic: "events." + one.Type + ".v1", Key: []byte(event.UserID), Value: one.Data}
		g.kafka.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Add(1)
			}
			waiting.Done()
		})
	}
	waiting.Wait()
	if failed.Load() > 0 {
		http.Error(w, "not stored, send it again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch accepted {
	case len(batch):
		w.WriteHeader(http.StatusAccepted)
	case 0:
		w.WriteHeader(http.StatusUnprocessableEntity)
	default:
		w.WriteHeader(http.StatusMultiStatus)
	}
	json.NewEncoder(w).Encode(map[string]any{"results": results})
}

func main() {
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(events.Brokers()...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.MaxBufferedRecords(200_000),
	) // its default partitioner is Java's
	if err != nil {
		log.Fatal(err)
	}
	g := gateway{kafka}
	http.HandleFunc("POST /v1/events", g.several)
	http.HandleFunc("POST /v1/events/{type}", g.one)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
