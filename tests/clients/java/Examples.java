import client.ApiClient;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads each example of the document with the client that openapi-generator makes, and writes it again.
 *
 * Standard input has the examples: a JSON list of names of schemas, each with a value. Says what comes out as another.
 */
public final class Examples {
    /** Return a value in which a time is a time, however it is written; null and an empty list are left out. */
    private static Object plain(JsonNode node) {
        if (node.isObject()) {
            Map<String, Object> found = new HashMap<>();
            node.fields().forEachRemaining(field -> {
                if (!field.getValue().isNull() && !(field.getValue().isArray() && field.getValue().isEmpty())) {
                    found.put(field.getKey(), plain(field.getValue()));
                }
            });
            return found;
        }
        if (node.isArray()) {
            List<Object> found = new ArrayList<>();
            node.forEach(one -> found.add(plain(one)));
            return found;
        }
        if (node.isTextual()) {
            try {
                return OffsetDateTime.parse(node.textValue()).toInstant();
            } catch (DateTimeParseException noTime) {
                return node.textValue();
            }
        }
        return node.isIntegralNumber() ? node.longValue() : node.toString();
    }

    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = ApiClient.createDefaultObjectMapper();
        for (JsonNode example : mapper.readTree(System.in)) {
            String name = example.get(0).textValue();
            Object read = mapper.treeToValue(example.get(1), Class.forName("client.model." + name));
            JsonNode written = mapper.valueToTree(read);
            if (!plain(written).equals(plain(example.get(1)))) {
                System.out.println(name + ": " + example.get(1) + " became " + written);
            }
        }
    }
}
