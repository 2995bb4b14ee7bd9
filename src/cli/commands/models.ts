/**
 * `everloop models serve`: a scripted model behind a real HTTP server, so that agents can be tried
 * without a key and without a cost. Without a script it repeats what it is told.
 */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { messageOf } from '../../base/message-of.ts'
import type { Script, ScriptedRequest } from '../../scripted/script.ts'
import { act, type Call } from '../call.ts'
import { clean } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { interruptible } from '../interrupt.ts'

interface Options {
  readonly port?: number
  readonly script?: string
  readonly by: 'order' | 'turn'
}

export function addModels(program: Command): void {
  const models = program.command('models').description('models to try things with')
  const command = models
    .command('serve')
    .description('a scripted model in the formats of OpenAI and Anthropic, until Ctrl-C')
    .option('--port <n>', 'on which port (default: any free one)', Number)
    .option('--script <file>', 'JSON: the answers, in a list (default: it repeats what it is told)')
    .addOption(
      new Option('--by <what>', 'take the answer for the turn of the conversation, or the next one')
        .choices(['turn', 'order'])
        .default('turn'),
    )
  act<Options>(command, serve)
}

async function serve({ out, options }: Call<Options>): Promise<number> {
  const { port = 0, by } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new EverloopError('BAD_OPTION', '--port takes a whole number from 0 to 65535.')
  }
  const [{ scriptedServer }, script] = await Promise.all([
    import('../../scripted/server.ts'),
    scriptOf(options.script),
  ])
  return interruptible(async (signal) => {
    await using server = await scriptedServer({
      script,
      by,
      port,
      onRequest: ({ path, index, turn, stream, text, tools }) =>
        out.event(
          { event: 'request', path, index, turn, stream, tools, text },
          () => `${path}, turn ${turn + 1}: ${clean(text).slice(0, 100)}`,
        ),
    })
    const { url } = server
    out.event({ event: 'serving', url }, () => [
      `Serving a scripted model at ${url}, Ctrl-C stops. In an agent:`,
      `  model: '${url}#any'`,
      'This needs the package @ai-sdk/openai-compatible; a budget in money needs a price of the model.',
      'With the AI SDK, and with everything else that lets you set where its API is:',
      `  createOpenAI({ baseURL: '${url}', apiKey: 'none' })('any')`,
      `  createAnthropic({ baseURL: '${url}', apiKey: 'none' })('any')`,
    ])
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    out.event({ event: 'stopped' }, () => [])
    return exitCodes.ok
  })
}

const repeat = ({ text }: ScriptedRequest): { readonly text: string } => ({
  text: `This is a scripted model. It was told: ${text}`,
})

async function scriptOf(file: string | undefined): Promise<Script> {
  if (file === undefined) return repeat
  const { checkedScript } = await import('../../scripted/script.ts')
  return checkedScript(read(file), file)
}

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    const why = messageOf(cause)
    throw new EverloopError('BAD_OPTION', `The script ${file} cannot be read: ${why}`, { cause })
  }
}
