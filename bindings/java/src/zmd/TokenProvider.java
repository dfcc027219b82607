package zmd;

/** Provides access tokens, for example from a vault. See {@link Settings#tokenProvider}. */
@FunctionalInterface
public interface TokenProvider {
    /**
     * Returns an access token. It is called on a thread of the library, one call at a time, and may block; it must not use
     * the client that needs the token.
     *
     * @param refused the token that the service has refused; null: there was none
     * @return 1 to 4096 visible ASCII characters
     * @throws Exception makes the call fail with {@link ZmdException.Kind#OAUTH} and this message, and is its cause
     */
    String token(String refused) throws Exception;
}
