/** The server in memory with what concerns the whole installation: figures, settings, operators, keys, token tests. */
import type { Operator, Unit } from '../src/api'
import type { Kept, Key, Node, OperatorRow, Settings, Stats, TokenTest } from '../src/installation'
import { ADMIN, json, problem, type Request, Server, statsOf } from './server'

const AT = '2026-11-23T05:36:21.123456Z'

export class InstallationServer extends Server {
  figures: Stats = statsOf([100])
  keys: Key[] = []
  operators: OperatorRow[] = [{ ...ADMIN, disabled: false, created_at: AT }]
  kept: Kept = {
    receipts: true,
    painted_objective_ms: 200,
    broadcasts_keep_days: 7,
    reason_presets: ['Goodwill', 'Correction'],
  }
  nodes: Node[] = [
    {
      node: 'credits-1',
      started_at: AT,
      version: '0.1.0',
      screens: 3,
      lag_ms: 0,
      draining: false,
      not_ready: null,
      is_this: true,
    },
  ]
  tested: TokenTest | undefined

  as(role: Operator['role']): this {
    this.operator = { ...ADMIN, role }
    return this
  }

  addKey(name: string, more: Partial<Key> = {}): Key {
    const key: Key = {
      id: `key_${this.keys.length + 1}`,
      name,
      scopes: ['read'],
      hint: '…x9Qz',
      created_by: null,
      created_at: AT,
      last_used_at: null,
      revoked_at: null,
      ...more,
    }
    this.keys.unshift(key)
    return key
  }

  settings(): Settings {
    return {
      ...this.kept,
      facts: {
        version: '0.1.0',
        mode: 'development',
        database: 'sqlite',
        allowed_origins: ['https://shop.example'],
        trusted_proxies: [],
        require_reason: false,
        session_ttl_s: 43_200,
        token_ttl_most_s: 3600,
        heartbeat_s: 20,
        screens_per_user: 50,
        identity_provider: null,
        idempotency_keep_days: null,
      },
    }
  }

  protected override route(request: Request): Response {
    const { method, path, body = {} } = request
    const id = path.split('/')[2] ?? ''
    switch (`${method} ${path.replace(/^(admin\/(?:keys|operators|units))\/[^/]+/, '$1/*')}`) {
      case 'GET admin/stats':
        return json(this.figures)
      case 'GET admin/nodes':
        return json({
          items: this.nodes,
        })
      case 'GET admin/settings':
        return json(this.settings())
      case 'PUT admin/settings':
        Object.assign(this.kept, body)
        return json(this.settings())
      case 'GET admin/keys':
        return json({ items: this.keys })
      case 'POST admin/keys':
        return json(
          {
            key: this.addKey(String(body['name']), { scopes: body['scopes'] as Key['scopes'] }),
            secret: 'lck_shown-once',
          },
          201,
        )
      case 'DELETE admin/keys/*':
        return this.revoke(id)
      case 'GET admin/operators':
        return json({ items: this.operators })
      case 'POST admin/operators':
        return json(this.addOperator(body), 201)
      case 'PUT admin/operators/*':
        return this.changeOperator(id, body)
      case 'POST admin/operators/*/link':
        return json({ code: 'lcc_once', expires_at: '2026-11-23T05:51:21Z' }, 201)
      case 'PUT admin/units/*':
        return this.putUnit(id, body)
      case 'POST admin/tokens/test':
        return json(this.tested)
      case 'POST tokens':
        return json({ token: 'aaa.bbb.ccc', expires_at: AT })
    }
    return super.route(request)
  }

  private revoke(id: string): Response {
    const key = this.keys.find((one) => one.id === id)
    if (!key) return problem(404, 'not_found', 'There is no such key.')
    key.revoked_at = AT
    return json(key)
  }

  private addOperator(body: Record<string, unknown>): OperatorRow {
    const { password: _, ...rest } = body
    const row = {
      id: `op_${this.operators.length + 1}`,
      disabled: false,
      created_at: AT,
      ...rest,
    } as OperatorRow
    this.operators.push(row)
    return row
  }

  private changeOperator(id: string, body: Record<string, unknown>): Response {
    const row = this.operators.find((one) => one.id === id)
    if (!row) return problem(404, 'not_found', 'There is no such operator.')
    return json(Object.assign(row, body))
  }

  private putUnit(name: string, body: Record<string, unknown>): Response {
    const unit = { name, ...body } as Unit
    this.units = [...this.units.filter((one) => one.name !== name), unit]
    return json(unit)
  }
}
