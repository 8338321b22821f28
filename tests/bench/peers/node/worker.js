// BullMQ's worker: Joi judges again, SET NX finds duplicates, lines go to S3 as gzip.
import { createGzip } from 'node:zlib'
import { PassThrough } from 'node:stream'
import { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { connection, queue, schema } from './event.js'

const events = Number(process.env.EVENTS)
const objectBytes = 16 << 20
const tellEvery = 10_000
const redis = new Redis(connection)
const s3 = new S3Client({
  endpoint: process.env.S3_ENDPOINT,
  region: process.env.S3_REGION,
  forcePathStyle: true,
  credentials: { accessKeyId: process.env.S3_ACCESS_KEY, secretAccessKey: process.env.S3_SECRET_KEY },
})
const uploads = []
let gzip = null, bytes = 0, begun = 0, done = 0, kept = 0

function write(line) {
  if (!gzip) {
    gzip = createGzip({ level: 6 })
    bytes = 0
    const Body = gzip.pipe(new PassThrough())
    const Key = `${process.env.PREFIX}/${String(uploads.length).padStart(5, '0')}.ndjson.gz`
    uploads.push(new Upload({ client: s3, params: { Bucket: process.env.S3_BUCKET, Key, Body } }).done())
  }
  gzip.write(line)
  bytes += line.length
  if (bytes > objectBytes) close()
}

function close() {
  gzip?.end()
  gzip = null
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function handle(job) {
  if (begun++ === 0) console.log('reading', cpuSeconds())
  const { error } = schema.validate(job.data)
  const key = `seen:${queue}:${job.data.event_id}`
  if (!error && await redis.set(key, '1', 'EX', 86400, 'NX')) {
    kept += 1
    write(JSON.stringify(job.data) + '\n')
  }
  done += 1
  if (done % tellEvery === 0) console.log('read', done)
  if (done === events) setImmediate(finish)
}

async function finish() {
  close()
  await Promise.all(uploads)
  console.log('done ' + JSON.stringify({ events: done, kept, objects: uploads.length }))
}

new Worker(queue, handle, { connection, concurrency: 50 })
