/**
 * Whether a file lies where SQLite can work. On network file systems locks lie, and a ledger that
 * two machines write at once is lost: these are refused instead of warned about.
 */
import { statfsSync } from 'node:fs'
import { EverloopError } from '../../base/errors.ts'

/** f_type of statfs(2) on Linux, from the kernel's magic.h and the file systems' own sources. */
const networkTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB 2'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0xaad7aaea, 'PanFS'],
  [0x19830326, 'BeeGFS'],
])

/** The name of the network file system of this type; undefined for any other type. */
export const networkName = (type: number): string | undefined => networkTypes.get(type >>> 0)

/** Tells a folder's file system by its number. */
export type FileSystemType = (folder: string) => number | undefined

/** Other systems number their file systems anew at each start, so only Linux can be asked. */
const fileSystemType: FileSystemType = (folder) =>
  process.platform === 'linux' ? statfsSync(folder).type : undefined

/** Throws STORE_NETWORK for a folder on a network file system. */
export function refuseNetwork(folder: string, typeOf: FileSystemType = fileSystemType): void {
  const type = typeOf(folder)
  const name = type === undefined ? undefined : networkName(type)
  if (name === undefined) return
  throw new EverloopError(
    'STORE_NETWORK',
    `The folder ${folder} lies on a network file system (${name}), where SQLite's locks cannot be trusted. Put the store on a local disk, and have the machine that it is on execute its runs.`,
  )
}
