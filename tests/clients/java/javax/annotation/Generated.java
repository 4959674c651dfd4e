package javax.annotation;

/** What the generator marks its code with; Java has not brought it along since version 11. */
public @interface Generated {
    String[] value();

    String date() default "";

    String comments() default "";
}
