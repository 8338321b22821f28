// Put the events of a file, one line each, into the queue.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { connection, queue } from './event.js'

const jobs = new Queue(queue, { connection, defaultJobOptions: { removeOnComplete: true } })
let some = []
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  some.push({ name: 'event', data: JSON.parse(line) })
  if (some.length === 1000) {
    await jobs.addBulk(some)
    some = []
  }
}
if (some.length) await jobs.addBulk(some)
await jobs.close()
