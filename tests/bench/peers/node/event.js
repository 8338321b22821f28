// The event as `tests/bench/events.py` has it, and where Redis is.
import Joi from 'joi'

export const schema = Joi.object({
  event_id: Joi.string().uuid().required(),
  occurred_at: Joi.date().iso().required(),
  user_id: Joi.string().max(64).required(),
  session_id: Joi.string().max(64).required(),
  page: Joi.string().max(200).required(),
  country: Joi.string().valid('CH', 'DE', 'FR', 'NL', 'SE').required(),
  amount_cents: Joi.number().integer().min(0).required(),
  score: Joi.number().required(),
  first: Joi.boolean().required(),
})

export const queue = process.env.QUEUE
export const connection = {
  host: '127.0.0.1',
  port: Number(process.env.REDIS_PORT),
  maxRetriesPerRequest: null,
}
