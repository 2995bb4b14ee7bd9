/**
 * A real HTTP server on the loopback that answers from a script, in the formats of OpenAI (chat and
 * responses) and Anthropic, as JSON and as a stream of events: for tests over the wire, and to try
 * everything without a key. It keeps what it was asked, but no headers: they may hold keys.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { EverloopError } from '../base/errors.ts'
import { systemPorts } from '../base/system.ts'
import { anthropic } from './anthropic.ts'
import { distortEvents, distortWire } from './distort-wire.ts'
import type { Flavour } from './flavour.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'
import {
  answerTo,
  checkScript,
  placeOf,
  type Script,
  type ScriptedRequest,
  type ScriptOptions,
} from './script.ts'
import { spoken } from './spoken.ts'
import { eventWire, jsonWire, type Wire } from './wire.ts'

const flavours: readonly Flavour[] = [openaiChat, openaiResponses, anthropic]

/** Larger requests than this are refused. */
const requestBytesMax = 64 * 1024 * 1024

/** What a scripted server answers, and on which port. */
export interface ScriptedServerOptions extends ScriptOptions {
  readonly script: Script
  /** Default: any free one. */
  readonly port?: number
  /** Told of each request before it is answered. */
  readonly onRequest?: (request: ReceivedRequest) => void
}

/** A request, and the path that it came to. */
export type ReceivedRequest = ScriptedRequest & { readonly path: string }

/** A scripted model behind HTTP, on the loopback. */
export interface ScriptedServer extends AsyncDisposable {
  /** The base URL that providers take, "http://127.0.0.1:PORT/v1". */
  readonly url: string
  /** What it was asked, with the path of each request. */
  readonly requests: readonly ReceivedRequest[]
  /** Ends all connections and frees the port. */
  close(): Promise<void>
}

/**
 * Starts a scripted server. Throws BAD_OPTION for a script that has answers of no known form.
 *
 * @example
 * await using server = await scriptedServer({ script: [{ text: 'Hello.' }] })
 * const model = createOpenAI({ baseURL: server.url, apiKey: 'none' })('any')
 */
export async function scriptedServer(options: ScriptedServerOptions): Promise<ScriptedServer> {
  checkScript('scriptedServer', options.script, options, ['script', 'port', 'onRequest'])
  const requests: ReceivedRequest[] = []
  const server = createServer((request, response) => {
    serve(options, requests, request, response).catch((error: unknown) => {
      // The peer has gone away, or a script has thrown: the peer learns what can still be told.
      if (response.headersSent || response.destroyed) response.destroy()
      else
        void write(
          jsonWire({ error: { message: String(error), type: 'script_error' } }, 400),
          response,
        )
    })
  })
  const port = await listen(server, options.port ?? 0)
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { url: `http://127.0.0.1:${port}/v1`, requests, close, [Symbol.asyncDispose]: close }
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  try {
    await promise
  } catch (cause) {
    throw new EverloopError(
      'BAD_OPTION',
      `Port ${port} cannot be used: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function serve(
  { script, by, onRequest }: ScriptedServerOptions,
  requests: ReceivedRequest[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname
  const flavour = flavours.find((one) => one.path === path)
  if (!flavour || request.method !== 'POST') {
    const known = flavours.map((one) => `POST ${one.path}`).join(', ')
    const message = `There is no ${request.method} ${path} here, only: ${known}`
    return write(jsonWire({ error: { message, type: 'not_found' } }, 404), response)
  }
  const text = await bodyOf(request)
  const body: unknown = JSON.parse(text)
  const asked = flavour.asked((body ?? {}) as Record<string, unknown>)
  const { turn, stream, tools } = asked
  const index = requests.length
  const entry = { index, turn, stream, text: asked.text, tools, body, path }
  requests.push(entry)
  onRequest?.(entry)
  const answer = await answerTo(script, entry, by === undefined ? {} : { by })
  if ('hang' in answer) return undefined
  if ('error' in answer) {
    const { error, status, headers } = answer
    if (status === undefined) return void response.destroy()
    const wire = jsonWire(flavour.error(error, status), status)
    return write({ ...wire, headers: { ...wire.headers, ...headers } }, response)
  }
  const said = spoken(answer, text, placeOf(entry, by))
  const wire = stream
    ? eventWire(distortEvents(flavour.events(said, asked), said.malformed, flavour))
    : jsonWire(flavour.json(said, asked))
  return write(distortWire(wire, said.malformed, flavour), response)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > requestBytesMax) throw new Error('The request is too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function write(wire: Wire, response: ServerResponse): Promise<void> {
  response.writeHead(wire.status, wire.headers)
  response.flushHeaders()
  for (const piece of wire.pieces) {
    if (response.destroyed) return
    switch (piece.is) {
      case 'bytes':
        await new Promise<void>((resolve) => response.write(piece.bytes, () => resolve()))
        break
      case 'pause':
        await new Promise<void>((resolve) => void systemPorts.setTimer(piece.ms, resolve))
        break
      case 'reset':
        response.socket?.resetAndDestroy()
        return
      case 'hang':
        return
    }
  }
  response.end()
}
