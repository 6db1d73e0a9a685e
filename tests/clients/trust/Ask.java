import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/**
 * One question, as an application on java.net.http asks it: {@code java Ask HOST:PORT}. Prints {@code accepted} and the
 * status of the reply, or {@code refused} and what Java says of the certificate.
 */
public final class Ask {
    private static final String QUESTION =
            "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", "
                    + "\"content\": \"How many sheep make a flock?\"}], \"max_tokens\": 64}";

    public static void main(String[] arguments) {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("https://" + arguments[0] + "/v1/chat/completions"))
                        .header("Authorization", "Bearer sk-of-nobody")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(QUESTION))
                        .build();
        try {
            System.out.println(
                    "accepted " + HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).statusCode());
        } catch (Exception error) {
            StringBuilder said = new StringBuilder("refused");
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                said.append(' ').append(cause);
            }
            System.out.println(said);
        }
    }
}
