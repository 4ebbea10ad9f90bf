import { useEffect, useState } from 'preact/hooks'
import { fetchJson, type IdentityProviderList } from './admin-api.js'

/** All identity providers, page by page. */
export function IdentityProviders() {
  const [list, setList] = useState<IdentityProviderList>()
  const [failure, setFailure] = useState<string>()
  useEffect(() => {
    fetchJson<IdentityProviderList>('identity-providers').then(setList, (error: Error) => setFailure(error.message))
  }, [])
  return (
    <>
      <h1>Identity providers</h1>
      {failure !== undefined && <p role="alert">{failure}</p>}
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Trusted</th>
          </tr>
        </thead>
        <tbody>
          {list?.identityProviders.map(({ id, name, displayName, enabled }) => (
            <tr key={id}>
              <th scope="row">{displayName ?? name}</th>
              <td>{enabled ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
