// A worker as one would write it in Go: franz-go, encoding/json, a set of ids in memory (which a
// restart forgets), gzip to S3, offsets committed at the end.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bench/internal/events"

	"github.com/klauspost/compress/gzip"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	objectBytes = 16 << 20
	tellEvery   = 10_000
)

// object is what is open for one partition.
type object struct {
	name   string
	number int
	buffer bytes.Buffer
	gzip   *gzip.Writer
	bytes  int
}

type worker struct {
	kafka   *kgo.Client
	s3      *minio.Client
	seen    map[string]struct{}
	open    map[string]*object
	Events  int `json:"events"`
	Kept    int `json:"kept"`
	Objects int `json:"objects"`
}

func (w *worker) take(partition kgo.FetchTopicPartition) {
	name := fmt.Sprintf("%s-%d", partition.Topic, partition.Partition)
	into := w.open[name]
	if into == nil {
		into = &object{name: name}
		into.gzip, _ = gzip.NewWriterLevel(&into.buffer, gzip.BestSpeed)
		w.open[name] = into
	}
	for _, record := range partition.Records {
		w.Events++
		if w.Events%tellEvery == 0 {
			fmt.Println("read", w.Events)
		}
		event, err := events.Judge(record.Value)
		if err != nil {
			continue
		}
		if _, duplicate := w.seen[event.EventID]; duplicate {
			continue
		}
		w.seen[event.EventID] = struct{}{}
		w.Kept++
		into.gzip.Write(record.Value)
		into.gzip.Write([]byte{'\n'})
		into.bytes += len(record.Value) + 1
		if into.bytes > objectBytes {
			w.put(into)
		}
	}
}

func (w *worker) put(done *object) {
	done.gzip.Close()
	key := fmt.Sprintf("%s/%s/%05d.ndjson.gz", os.Getenv("PREFIX"), done.name, done.number)
	_, err := w.s3.PutObject(
		context.Background(), os.Getenv("S3_BUCKET"), key, &done.buffer, int64(done.buffer.Len()),
		minio.PutObjectOptions{DisableContentSha256: true},
	)
	if err != nil {
		log.Fatal(err)
	}
	w.Objects++
	done.number++
	done.bytes = 0
	done.buffer.Reset()
	done.gzip.Reset(&done.buffer)
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func (w *worker) run(count int) {
	fmt.Println("reading", cpuSeconds())
	for w.Events < count {
		fetched := w.kafka.PollRecords(context.Background(), 20_000)
		fetched.EachPartition(w.take)
	}
	for _, rest := range w.open {
		if rest.bytes > 0 {
			w.put(rest)
		}
	}
	if err := w.kafka.CommitUncommittedOffsets(context.Background()); err != nil {
		log.Fatal(err)
	}
	told, _ := json.Marshal(w)
	fmt.Println("done", string(told))
}

func main() {
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(events.Brokers()...),
		kgo.ConsumerGroup(os.Getenv("GROUP")),
		kgo.ConsumeTopics(events.Topics()...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxBytes(8<<20),
		kgo.FetchMaxPartitionBytes(1<<20),
	)
	if err != nil {
		log.Fatal(err)
	}
	s3, err := minio.New(strings.TrimPrefix(os.Getenv("S3_ENDPOINT"), "http://"), &minio.Options{
		Creds:  credentials.NewStaticV4(os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY"), ""),
		Region: os.Getenv("S3_REGION"),
	})
	if err != nil {
		log.Fatal(err)
	}
	count, err := strconv.Atoi(os.Getenv("EVENTS"))
	if err != nil {
		log.Fatal(err)
	}
	w := &worker{kafka: kafka, s3: s3, seen: map[string]struct{}{}, open: map[string]*object{}}
	w.run(count)
	stop := make(chan os.Signal, 1) // stay until the bench has read the kernel's account of us
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
}
