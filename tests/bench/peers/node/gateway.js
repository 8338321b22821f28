// Koa takes events, Joi judges each, BullMQ puts them into Redis as one job each.
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { Queue } from 'bullmq'
import { connection, queue, schema } from './event.js'

const jobs = new Queue(queue, {
  connection,
  defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
})
const app = new Koa()
app.use(bodyParser({ jsonLimit: '8mb', strict: true }))
app.use(async context => {
  const one = context.path.match(/^\/v1\/events\/(\w+)$/)
  const sent = one ? [{ type: one[1], data: context.request.body }] : context.request.body.events
  const results = [], accepted = []
  for (const { type, data } of sent) {
    const { error } = schema.validate(data)
    if (error) {
      results.push({ status: 'rejected', message: error.message })
    } else {
      results.push({ status: 'accepted' })
      accepted.push({ name: type, data })
    }
  }
  if (accepted.length === 1) await jobs.add(accepted[0].name, accepted[0].data)
  else await jobs.addBulk(accepted)
  context.status = accepted.length === sent.length ? 202 : accepted.length ? 207 : 422
  context.body = { results }
})
app.listen(Number(process.env.PORT), '127.0.0.1')
